def test_warm(trained_data): pass
