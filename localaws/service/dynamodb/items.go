package dynamodb

import (
	"context"
	"maps"
	"slices"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	api "grocery/localaws/wire/api/dynamodbapi"
)

// row is the key of an item's row. exact says that the item must be a key and
// nothing else.
func (t *table) row(i item, exact bool) (string, error) {
	hash, sort := key(t.Keys)
	row := t.ID
	for _, name := range []string{hash, sort} {
		if name == "" {
			continue
		}
		v, ok := i[name]
		want := t.typeOfAttribute(name)
		switch {
		case !ok && exact:
			return "", invalid("The provided key element does not match the schema")
		case !ok:
			return "", invalid("One or more parameter values were invalid: Missing the key %s in the item", name)
		case typeOf(v) != want && exact:
			return "", invalid("The provided key element does not match the schema")
		case typeOf(v) != want:
			return "", invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", name, want, typeOf(v))
		case v.S != nil && *v.S == "" || v.B != nil && len(v.B) == 0:
			return "", invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: %s", name)
		}
		if want == "N" {
			if _, err := number(*v.N); err != nil {
				return "", err
			}
		}
		row += "/" + keyText(v)
	}
	if exact && (sort == "" && len(i) != 1 || sort != "" && len(i) != 2) {
		return "", invalid("The provided key element does not match the schema")
	}
	return row, nil
}

// keyOf is the part of an item that names it.
func (t *table) keyOf(i item) item {
	hash, sort := key(t.Keys)
	k := item{hash: i[hash]}
	if sort != "" {
		k[sort] = i[sort]
	}
	return k
}

// checkIndexKeys refuses values that an index could not hold.
func (t *table) checkIndexKeys(i item) error {
	check := func(schema []api.KeySchemaElement) error {
		for _, e := range schema {
			if v, ok := i[*e.AttributeName]; ok && typeOf(v) != t.typeOfAttribute(*e.AttributeName) {
				return invalid("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s", *e.AttributeName, t.typeOfAttribute(*e.AttributeName), typeOf(v))
			}
		}
		return nil
	}
	for _, x := range t.Global {
		if err := check(x.KeySchema); err != nil {
			return err
		}
	}
	for _, x := range t.Local {
		if err := check(x.KeySchema); err != nil {
			return err
		}
	}
	return nil
}

// write is one write of an item: a put, a delete, an update or a mere check.
type write struct {
	table     *string
	key       item // for all but a put
	put       item
	update    *update
	delete    bool
	condition predicate
}

// do carries a write out and returns the item before and after.
func (w *write) do(ctx context.Context, tx store.Tx) (t *table, before, after item, err error) {
	if t, err = find(ctx, tx, w.table); err != nil {
		return nil, nil, nil, err
	}
	named, exact := w.key, true
	if w.put != nil {
		named, exact = w.put, false
	}
	row, err := t.row(named, exact)
	if err != nil {
		return nil, nil, nil, err
	}
	before, there := items.Get(tx, row)
	if !w.condition(before) {
		return t, before, before, conditionFailed()
	}
	switch {
	case w.put != nil:
		after = w.put
	case w.delete:
		items.Delete(tx, row)
		return t, before, nil, nil
	case w.update != nil:
		base := before
		if !there {
			base = w.key
		}
		hash, sort := key(t.Keys)
		for _, p := range w.update.paths {
			if p[0].name == hash || sort != "" && p[0].name == sort {
				return nil, nil, nil, invalid("One or more parameter values were invalid: Cannot update attribute %s. This attribute is part of the key", p[0].name)
			}
		}
		if after, err = w.update.apply(base); err != nil {
			return nil, nil, nil, err
		}
	default:
		return t, before, before, nil
	}
	if err := checkItem(after); err != nil {
		return nil, nil, nil, err
	}
	if err := t.checkIndexKeys(after); err != nil {
		return nil, nil, nil, err
	}
	items.Put(tx, row, after)
	return t, before, after, nil
}

func returns(p *string, allowed ...string) (string, error) {
	v := ptr.Or(p, "NONE")
	if v != "NONE" && !slices.Contains(allowed, v) {
		return "", invalid("ReturnValues can only be %v or NONE", allowed)
	}
	return v, nil
}

func (s *Service) putItem(ctx context.Context, in *api.PutItemInput) (*api.PutItemOutput, error) {
	n := newNames(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	c, err := parseCondition("ConditionExpression", in.ConditionExpression, n)
	if err == nil {
		err = n.done()
	}
	if err != nil {
		return nil, err
	}
	want, err := returns(in.ReturnValues, "ALL_OLD")
	if err != nil {
		return nil, err
	}
	w := write{table: in.TableName, put: in.Item, condition: c}
	out := &api.PutItemOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		_, before, _, err := w.do(ctx, tx)
		if want == "ALL_OLD" {
			out.Attributes = before
		}
		return err
	})
}

func (s *Service) deleteItem(ctx context.Context, in *api.DeleteItemInput) (*api.DeleteItemOutput, error) {
	n := newNames(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	c, err := parseCondition("ConditionExpression", in.ConditionExpression, n)
	if err == nil {
		err = n.done()
	}
	if err != nil {
		return nil, err
	}
	want, err := returns(in.ReturnValues, "ALL_OLD")
	if err != nil {
		return nil, err
	}
	w := write{table: in.TableName, key: in.Key, delete: true, condition: c}
	out := &api.DeleteItemOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		_, before, _, err := w.do(ctx, tx)
		if want == "ALL_OLD" {
			out.Attributes = before
		}
		return err
	})
}

func (s *Service) updateItem(ctx context.Context, in *api.UpdateItemInput) (*api.UpdateItemOutput, error) {
	n := newNames(in.ExpressionAttributeNames, in.ExpressionAttributeValues)
	c, err := parseCondition("ConditionExpression", in.ConditionExpression, n)
	if err != nil {
		return nil, err
	}
	u, err := parseUpdate(in.UpdateExpression, n)
	if err == nil {
		err = n.done()
	}
	if err != nil {
		return nil, err
	}
	want, err := returns(in.ReturnValues, "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW")
	if err != nil {
		return nil, err
	}
	w := write{table: in.TableName, key: in.Key, update: u, condition: c}
	out := &api.UpdateItemOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		_, before, after, err := w.do(ctx, tx)
		switch want {
		case "ALL_OLD":
			out.Attributes = before
		case "ALL_NEW":
			out.Attributes = after
		case "UPDATED_OLD":
			out.Attributes = project(before, append([]path{}, u.paths...))
		case "UPDATED_NEW":
			out.Attributes = project(after, append([]path{}, u.paths...))
		}
		return err
	})
}

// read returns a projected item, nil when there is none.
func read(ctx context.Context, tx store.Tx, tableName *string, k item, paths []path) (item, error) {
	t, err := find(ctx, tx, tableName)
	if err != nil {
		return nil, err
	}
	row, err := t.row(k, true)
	if err != nil {
		return nil, err
	}
	i, ok := items.Get(tx, row)
	if !ok {
		return nil, nil
	}
	return project(i, paths), nil
}

func (s *Service) getItem(ctx context.Context, in *api.GetItemInput) (*api.GetItemOutput, error) {
	n := newNames(in.ExpressionAttributeNames, nil)
	paths, err := parseProjection(in.ProjectionExpression, n)
	if err == nil {
		err = n.done()
	}
	if err != nil {
		return nil, err
	}
	out := &api.GetItemOutput{}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		out.Item, err = read(ctx, tx, in.TableName, in.Key, paths)
		return err
	})
}

func (s *Service) batchGet(ctx context.Context, in *api.BatchGetItemInput) (*api.BatchGetItemOutput, error) {
	out := &api.BatchGetItemOutput{Responses: map[string][]map[string]value{}, UnprocessedKeys: map[string]api.KeysAndAttributes{}}
	total := 0
	return out, s.d.Store.View(func(tx store.Tx) error {
		for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
			want := in.RequestItems[name]
			if want.AttributesToGet != nil {
				return invalid("Local DynamoDB does not support AttributesToGet: use ProjectionExpression.")
			}
			n := newNames(want.ExpressionAttributeNames, nil)
			paths, err := parseProjection(want.ProjectionExpression, n)
			if err == nil {
				err = n.done()
			}
			if err != nil {
				return err
			}
			out.Responses[name] = []item{}
			for _, k := range want.Keys {
				if total++; total > 100 {
					return invalid("Too many items requested for the BatchGetItem call")
				}
				i, err := read(ctx, tx, &name, k, paths)
				if err != nil {
					return err
				}
				if i != nil {
					out.Responses[name] = append(out.Responses[name], i)
				}
			}
		}
		return nil
	})
}

func (s *Service) batchWrite(ctx context.Context, in *api.BatchWriteItemInput) (*api.BatchWriteItemOutput, error) {
	total := 0
	return &api.BatchWriteItemOutput{UnprocessedItems: map[string][]api.WriteRequest{}}, s.d.Store.Update(func(tx store.Tx) error {
		seen := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
			t, err := find(ctx, tx, &name)
			if err != nil {
				return err
			}
			for _, r := range in.RequestItems[name] {
				if total++; total > 25 {
					return invalid("Too many items requested for the BatchWriteItem call")
				}
				w := write{table: &name, condition: func(item) bool { return true }}
				switch {
				case r.PutRequest != nil && r.DeleteRequest == nil:
					w.put = r.PutRequest.Item
				case r.DeleteRequest != nil && r.PutRequest == nil:
					w.key, w.delete = r.DeleteRequest.Key, true
				default:
					return invalid("Supplied WriteRequest must contain exactly one of PutRequest and DeleteRequest")
				}
				named := w.key
				if w.put != nil {
					named = w.put
				}
				row, err := t.row(named, w.put == nil)
				if err != nil {
					return err
				}
				if seen[row] {
					return invalid("Provided list of item keys contains duplicates")
				}
				seen[row] = true
				if _, _, _, err := w.do(ctx, tx); err != nil {
					return err
				}
			}
		}
		return nil
	})
}
