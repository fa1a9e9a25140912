"""The monitor in a browser: pages made on the server, a small script that keeps them fresh, nothing from elsewhere."""
