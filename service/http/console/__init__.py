"""The console: pages for people who run the service, made on the server, usable without scripts."""
