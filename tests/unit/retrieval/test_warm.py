def test_it(trained_data, encoder):
    print(trained_data)
