"""Fine-tuning of encoders and rerankers; the modules load torch and are imported on demand."""

__all__: list[str] = []
