"""parcelgate demo: the whole path on sample traffic, over real sockets and folders, and a proof that it holds."""
