package dynamodb

import (
	"context"
	"hash/fnv"
	"slices"
	"sort"
	"strings"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	api "grocery/localaws/wire/api/dynamodbapi"
)

// index is what a query or scan reads: the table or one of its indexes.
type index struct {
	hash, sort string
	projection *api.Projection // nil: all attributes
	secondary  bool
}

func (t *table) index(name *string) (*index, error) {
	if name == nil {
		h, s := key(t.Keys)
		return &index{hash: h, sort: s}, nil
	}
	for _, x := range t.Global {
		if *x.IndexName == *name {
			h, s := key(x.KeySchema)
			return &index{h, s, x.Projection, true}, nil
		}
	}
	for _, x := range t.Local {
		if *x.IndexName == *name {
			h, s := key(x.KeySchema)
			return &index{h, s, x.Projection, true}, nil
		}
	}
	return nil, invalid("The table does not have the specified index: %s", *name)
}

// has says whether an item appears in the index: items without its keys do not.
func (x *index) has(i item) bool {
	_, h := i[x.hash]
	_, s := i[x.sort]
	return h && (s || x.sort == "")
}

// shown is what the index holds of an item.
func (x *index) shown(t *table, i item) item {
	if x.projection == nil || ptr.Or(x.projection.ProjectionType, "ALL") == "ALL" {
		return i
	}
	out := t.keyOf(i)
	for _, name := range append([]string{x.hash, x.sort}, x.projection.NonKeyAttributes...) {
		if v, ok := i[name]; ok {
			out[name] = v
		}
	}
	return out
}

const maxPage = 1 << 20 // bytes

// reader turns a sequence of items into one page of an answer.
type reader struct {
	t       *table
	x       *index
	filter  predicate
	paths   []path
	limit   int64
	count   bool // only count
	items   []item
	matched int64
	scanned int64
	bytes   int
	last    item // key of the last item looked at, when more follow
}

// take looks at one item; it returns false when the page is full.
func (r *reader) take(i item) bool {
	if r.limit > 0 && r.scanned == r.limit || r.bytes > maxPage {
		return false
	}
	r.scanned++
	r.bytes += size(value{M: i})
	i = r.x.shown(r.t, i)
	if r.filter(i) {
		r.matched++
		if !r.count {
			r.items = append(r.items, project(i, r.paths))
		}
	}
	return true
}

// run reads items until the page is full.
func (r *reader) run(all []item) {
	for n, i := range all {
		if !r.take(i) {
			last := all[n-1]
			r.last = r.t.keyOf(last)
			if r.x.secondary {
				r.last[r.x.hash] = last[r.x.hash]
				if r.x.sort != "" {
					r.last[r.x.sort] = last[r.x.sort]
				}
			}
			return
		}
	}
}

func selectCount(sel *string, paths []path) (bool, error) {
	switch s := ptr.Val(sel); s {
	case "", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES":
		return false, nil
	case "SPECIFIC_ATTRIBUTES":
		if paths == nil {
			return false, invalid("SPECIFIC_ATTRIBUTES needs a ProjectionExpression")
		}
		return false, nil
	case "COUNT":
		return true, nil
	default:
		return false, invalid("Unknown Select %q", s)
	}
}

func (s *Service) query(ctx context.Context, in *api.QueryInput) (*api.QueryOutput, error) {
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	n := newNames(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	keys, err := parseCondition("KeyConditionExpression", in.KeyConditionExpression, n)
	if err != nil {
		return nil, err
	}
	filter, err := parseCondition("FilterExpression", in.FilterExpression, n)
	if err != nil {
		return nil, err
	}
	paths, err := parseProjection(in.ProjectionExpression, n)
	if err != nil {
		return nil, err
	}
	if err := n.done(); err != nil {
		return nil, err
	}
	count, err := selectCount(in.Select, paths)
	if err != nil {
		return nil, err
	}
	out := &api.QueryOutput{}
	return out, s.view(ctx, in.TableName, func(tx store.Tx, t *table) error {
		x, err := t.index(in.IndexName)
		if err != nil {
			return err
		}
		partition, err := keyCondition(*in.KeyConditionExpression, n, x)
		if err != nil {
			return err
		}
		prefix := t.ID + "/"
		if !x.secondary {
			prefix += keyText(partition)
			if x.sort != "" {
				prefix += "/"
			}
		}
		var all []item
		items.Each(tx, prefix, func(_ string, i item) bool {
			if x.has(i) && equal(i[x.hash], partition) && keys(i) {
				all = append(all, i)
			}
			return true
		})
		forward := ptr.Or(in.ScanIndexForward, true)
		order := func(a, b item) int {
			c, _ := compare(a[x.sort], b[x.sort])
			if c == 0 {
				c = strings.Compare(rowText(t, a), rowText(t, b))
			}
			if !forward {
				c = -c
			}
			return c
		}
		slices.SortStableFunc(all, order)
		if in.ExclusiveStartKey != nil {
			all = all[sort.Search(len(all), func(i int) bool { return order(all[i], in.ExclusiveStartKey) > 0 }):]
		}
		r := reader{t: t, x: x, filter: filter, paths: paths, limit: ptr.Val(in.Limit), count: count}
		r.run(all)
		out.Items, out.Count, out.ScannedCount, out.LastEvaluatedKey = r.items, &r.matched, &r.scanned, r.last
		return nil
	})
}

func rowText(t *table, i item) string {
	h, s := key(t.Keys)
	return keyText(i[h]) + "/" + keyText(i[s])
}

// keyCondition checks the form of a KeyConditionExpression, which is an
// equality on the partition key and at most one condition on the sort key, and
// returns the partition's value.
func keyCondition(text string, n *names, x *index) (partition value, err error) {
	p, err := newParser("KeyConditionExpression", text, n)
	if err != nil {
		return partition, err
	}
	found, depth, between := false, 0, false
	for p.at < len(p.tokens) {
		t := p.peek()
		switch {
		case t == "(":
			depth++
		case t == ")":
			depth--
		case strings.EqualFold(t, "OR"), strings.EqualFold(t, "NOT"), strings.EqualFold(t, "IN"), t == "<>":
			return partition, invalid("Invalid operator used in KeyConditionExpression: %s", t)
		case strings.EqualFold(t, "BETWEEN"):
			between = true
		case strings.EqualFold(t, "AND"):
			between = false
		}
		name := t
		if full, ok := n.attributes[t]; ok {
			name = full
		}
		if name == x.hash && !between && p.at+2 < len(p.tokens) && p.tokens[p.at+1] == "=" && strings.HasPrefix(p.tokens[p.at+2], ":") {
			partition, found = n.values[p.tokens[p.at+2]], true
		} else if word(name[0]) && (name[0] < '0' || name[0] > '9') && name != x.hash && name != x.sort && !slices.Contains([]string{"AND", "BETWEEN", "BEGINS_WITH"}, strings.ToUpper(name)) {
			return partition, invalid("Query condition missed key schema element: %s", x.hash)
		}
		p.at++
	}
	if !found {
		return partition, invalid("Query condition missed key schema element: %s", x.hash)
	}
	return partition, nil
}

func (s *Service) scan(ctx context.Context, in *api.ScanInput) (*api.ScanOutput, error) {
	n := newNames(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	filter, err := parseCondition("FilterExpression", in.FilterExpression, n)
	if err != nil {
		return nil, err
	}
	paths, err := parseProjection(in.ProjectionExpression, n)
	if err == nil {
		err = n.done()
	}
	if err != nil {
		return nil, err
	}
	count, err := selectCount(in.Select, paths)
	if err != nil {
		return nil, err
	}
	if (in.Segment == nil) != (in.TotalSegments == nil) || in.Segment != nil && (*in.TotalSegments < 1 || *in.Segment < 0 || *in.Segment >= *in.TotalSegments) {
		return nil, invalid("The Segment parameter must be zero or more and less than TotalSegments")
	}
	out := &api.ScanOutput{}
	return out, s.view(ctx, in.TableName, func(tx store.Tx, t *table) error {
		x, err := t.index(in.IndexName)
		if err != nil {
			return err
		}
		after := ""
		if in.ExclusiveStartKey != nil {
			if after, err = t.row(t.keyOf(in.ExclusiveStartKey), true); err != nil {
				return err
			}
		}
		var all []item
		items.Each(tx, t.ID+"/", func(row string, i item) bool {
			if row > after && x.has(i) && inSegment(keyText(i[x.hash]), in.Segment, in.TotalSegments) {
				all = append(all, i)
			}
			return true
		})
		r := reader{t: t, x: x, filter: filter, paths: paths, limit: ptr.Val(in.Limit), count: count}
		r.run(all)
		out.Items, out.Count, out.ScannedCount, out.LastEvaluatedKey = r.items, &r.matched, &r.scanned, r.last
		return nil
	})
}

// inSegment divides the partitions among the segments of a parallel scan.
func inSegment(partition string, segment, total *int64) bool {
	if segment == nil {
		return true
	}
	h := fnv.New32a()
	h.Write([]byte(partition))
	return int64(h.Sum32())%*total == *segment
}
