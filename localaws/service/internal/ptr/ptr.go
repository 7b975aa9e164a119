// Package ptr reads and makes the optional members of generated shapes.
package ptr

// Val returns what p points to, or the zero value.
func Val[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Or returns what p points to, or def.
func Or[T any](p *T, def T) T {
	if p != nil {
		return *p
	}
	return def
}

// NonZero returns a pointer to v, or nil when v is the zero value: for members
// that AWS leaves out when they hold nothing.
func NonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// Set overwrites *to when p is given.
func Set[T any](to *T, p *T) {
	if p != nil {
		*to = *p
	}
}
