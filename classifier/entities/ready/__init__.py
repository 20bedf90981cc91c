"""Ready extractors: what every shop meets, in English and Chinese, without any example."""

__all__: list[str] = []
