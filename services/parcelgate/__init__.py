"""parcelgate: the open Customs-Post EDI message gateway."""
