"""The controller's HTTP API. One module per noun; `app.create_app` puts them together."""
