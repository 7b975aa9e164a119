package dynamodb

import (
	"context"
	"strings"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/dynamodbapi"
)

const maxTransaction = 100

func (s *Service) transactGet(ctx context.Context, in *api.TransactGetItemsInput) (*api.TransactGetItemsOutput, error) {
	if len(in.TransactItems) == 0 || len(in.TransactItems) > maxTransaction {
		return nil, invalid("A transaction takes 1 to %d items", maxTransaction)
	}
	out := &api.TransactGetItemsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		for _, x := range in.TransactItems {
			n := newNames(x.Get.ExpressionAttributeNames, nil)
			paths, err := parseProjection(x.Get.ProjectionExpression, n)
			if err == nil {
				err = n.done()
			}
			if err != nil {
				return err
			}
			i, err := read(ctx, tx, x.Get.TableName, x.Get.Key, paths)
			if err != nil {
				return err
			}
			out.Responses = append(out.Responses, api.ItemResponse{Item: i})
		}
		return nil
	})
}

// action makes a write of one item of a transaction.
func action(x api.TransactWriteItem) (*write, error) {
	var (
		w       write
		names1  map[string]string
		values  map[string]value
		cond    *string
		updates *string
		old     *string
		kinds   int
	)
	if p := x.Put; p != nil {
		kinds++
		w.table, w.put, names1, values, cond, old = p.TableName, p.Item, p.ExpressionAttributeNames, p.ExpressionAttributeValues, p.ConditionExpression, p.ReturnValuesOnConditionCheckFailure
	}
	if p := x.Delete; p != nil {
		kinds++
		w.delete = true
		w.table, w.key, names1, values, cond, old = p.TableName, p.Key, p.ExpressionAttributeNames, p.ExpressionAttributeValues, p.ConditionExpression, p.ReturnValuesOnConditionCheckFailure
	}
	if p := x.Update; p != nil {
		kinds++
		updates = p.UpdateExpression
		w.table, w.key, names1, values, cond, old = p.TableName, p.Key, p.ExpressionAttributeNames, p.ExpressionAttributeValues, p.ConditionExpression, p.ReturnValuesOnConditionCheckFailure
	}
	if p := x.ConditionCheck; p != nil {
		kinds++
		w.table, w.key, names1, values, cond, old = p.TableName, p.Key, p.ExpressionAttributeNames, p.ExpressionAttributeValues, p.ConditionExpression, p.ReturnValuesOnConditionCheckFailure
	}
	if kinds != 1 {
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	if old != nil && *old != "NONE" {
		return nil, invalid("Local DynamoDB does not support ReturnValuesOnConditionCheckFailure.")
	}
	n := newNames(names1, values)
	var err error
	if w.condition, err = parseCondition("ConditionExpression", cond, n); err != nil {
		return nil, err
	}
	if updates != nil {
		if w.update, err = parseUpdate(updates, n); err != nil {
			return nil, err
		}
	}
	return &w, n.done()
}

// tokens remembers the transactions of the last ten minutes by client token:
// one that is sent again succeeds without happening again.
var tokens = store.Table[int64]{Name: "dynamodb.transactions"}

const tokenSeconds = 600

func (s *Service) transactWrite(ctx context.Context, in *api.TransactWriteItemsInput) (*api.TransactWriteItemsOutput, error) {
	if len(in.TransactItems) == 0 || len(in.TransactItems) > maxTransaction {
		return nil, invalid("A transaction takes 1 to %d items", maxTransaction)
	}
	var writes []*write
	for _, x := range in.TransactItems {
		w, err := action(x)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		now := s.d.Clock.Now().Unix()
		if token := in.ClientRequestToken; token != nil {
			if at, ok := tokens.Get(tx, *token); ok && now-at < tokenSeconds {
				return nil
			}
			var old []string
			tokens.Each(tx, "", func(k string, at int64) bool {
				if now-at >= tokenSeconds {
					old = append(old, k)
				}
				return true
			})
			for _, k := range old {
				tokens.Delete(tx, k)
			}
			tokens.Put(tx, *token, now)
		}
		seen := map[string]bool{}
		reasons, failed := make([]string, len(writes)), false
		for i, w := range writes {
			t, err := find(ctx, tx, w.table)
			if err != nil {
				return err
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
				return invalid("Transaction request cannot include multiple operations on one item")
			}
			seen[row] = true
			reasons[i] = "None"
			switch _, _, _, err := w.do(ctx, tx); wire.Code(err) {
			case "":
				if err != nil {
					return err
				}
			case "ConditionalCheckFailedException":
				reasons[i], failed = "ConditionalCheckFailed", true
			case "ValidationException":
				reasons[i], failed = "ValidationError", true
			default:
				return err
			}
		}
		if failed {
			return wire.Errorf(400, "TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(reasons, ", "))
		}
		return nil
	})
}
