"""From a note to codes: sections, mentions, assertion, linking, decoding, encounter. Knows no protobuf."""
