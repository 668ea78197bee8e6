"""What a decoded value is to its application: an HTTP response, a model's answer, a table. Executes nothing."""
