"""How Sphinx reads the contract of document 004."""

extensions = ["sphinxcontrib.httpdomain", "sphinxswagger"]
master_doc = "004"
project = "auth"
version = release = "1"
swagger_license = {"name": "none"}
