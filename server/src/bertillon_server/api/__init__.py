"""The gRPC surface: servicers, validation, conversion, errors. The only layer that knows protobuf."""
