package dynamodb

// parseProjection reads a ProjectionExpression; nil means all attributes.
func parseProjection(text *string, n *names) ([]path, error) {
	if text == nil {
		return nil, nil
	}
	p, err := newParser("ProjectionExpression", *text, n)
	if err != nil {
		return nil, err
	}
	var all []path
	for {
		at, err := p.path()
		if err != nil {
			return nil, err
		}
		all = append(all, at)
		if p.at == len(p.tokens) {
			return all, nil
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// project returns the parts of an item that paths name.
func project(i item, paths []path) item {
	if paths == nil {
		return i
	}
	out := value{M: item{}}
	for _, p := range paths {
		if v, ok := p.get(i); ok {
			out = graft(out, p, v)
		}
	}
	return out.M
}

// graft puts v at p into a tree of which only parts exist; elements of lists
// are put one after the other.
func graft(tree value, p path, v value) value {
	if len(p) == 0 {
		return v
	}
	if p[0].index >= 0 {
		tree.L = append(tree.L, graft(value{}, p[1:], v))
		return tree
	}
	if tree.M == nil {
		tree.M = item{}
	}
	tree.M[p[0].name] = graft(tree.M[p[0].name], p[1:], v)
	return tree
}
