package wire

func missing(in any) error { return nil }
