package wire

type route struct{}

func parseRoute(m, p string) *route { return &route{} }
