"""What gunicorn needs: its worker, the embedded Valkey, and what happens when a worker stops."""
