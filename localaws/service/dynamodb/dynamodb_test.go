package dynamodb_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/dynamodb"
	"grocery/localaws/service/internal/apitest"
	"grocery/localaws/store"
)

type bench struct {
	*awsdynamodb.Client
	ctx   context.Context
	clock *apitest.Clock
	loops []reconcile.Loop
}

func start(t *testing.T) *bench {
	t.Helper()
	clock := apitest.NewClock()
	svc := dynamodb.New(dynamodb.Deps{Store: store.NewMemory(), Clock: clock})
	r := apitest.Registry()
	svc.Register(r)
	return &bench{awsdynamodb.NewFromConfig(apitest.Serve(t, r)), t.Context(), clock, svc.Loops()}
}

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n any) types.AttributeValue     { return &types.AttributeValueMemberN{Value: fmt.Sprint(n)} }

// lock makes a table as Terraform's state lock has it.
func (b *bench) lock(t *testing.T) {
	t.Helper()
	_, err := b.CreateTable(b.ctx, &awsdynamodb.CreateTableInput{TableName: aws.String("lock"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: types.KeyTypeHash}}})
	if err != nil {
		t.Fatal(err)
	}
}

// orders makes a table with a sort key and an index.
func (b *bench) orders(t *testing.T) {
	t.Helper()
	def := func(n string, t types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &n, AttributeType: t}
	}
	key := func(n string, t types.KeyType) types.KeySchemaElement {
		return types.KeySchemaElement{AttributeName: &n, KeyType: t}
	}
	_, err := b.CreateTable(b.ctx, &awsdynamodb.CreateTableInput{TableName: aws.String("orders"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{def("user", "S"), def("at", "N"), def("state", "S")},
		KeySchema:            []types.KeySchemaElement{key("user", "HASH"), key("at", "RANGE")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{IndexName: aws.String("by-state"), KeySchema: []types.KeySchemaElement{key("state", "HASH"), key("at", "RANGE")},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range []any{"10", "9", "100", "-1", "2.5"} {
		b.put(t, "orders", item{"user": text("u"), "at": num(at), "n": num(i), "state": text([]string{"open", "paid"}[i%2])})
	}
	b.put(t, "orders", item{"user": text("uu"), "at": num(1), "note": text("in no index")})
}

func (b *bench) put(t *testing.T, table string, i item) {
	t.Helper()
	if _, err := b.PutItem(b.ctx, &awsdynamodb.PutItemInput{TableName: &table, Item: i}); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := apitest.Code(err); got != code {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func TestALockIsTakenOnce(t *testing.T) {
	b := start(t)
	b.lock(t)
	take := &awsdynamodb.PutItemInput{TableName: aws.String("lock"), ConditionExpression: aws.String("attribute_not_exists(LockID)"),
		Item: item{"LockID": text("bucket/key"), "Info": text(`{"ID":"1"}`)}}
	if _, err := b.PutItem(b.ctx, take); err != nil {
		t.Fatal(err)
	}
	_, err := b.PutItem(b.ctx, take)
	wantCode(t, err, "ConditionalCheckFailedException")
	got, err := b.GetItem(b.ctx, &awsdynamodb.GetItemInput{TableName: aws.String("lock"), Key: item{"LockID": text("bucket/key")}, ProjectionExpression: aws.String("LockID, Info"), ConsistentRead: aws.Bool(true)})
	if err != nil || !reflect.DeepEqual(got.Item, take.Item) {
		t.Errorf("%v: %v", err, got.Item)
	}
	if _, err := b.DeleteItem(b.ctx, &awsdynamodb.DeleteItemInput{TableName: aws.String("lock"), Key: item{"LockID": text("bucket/key")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutItem(b.ctx, take); err != nil {
		t.Errorf("after the release: %v", err)
	}
}

func TestConditions(t *testing.T) {
	b := start(t)
	b.lock(t)
	b.put(t, "lock", item{"LockID": text("k"), "n": num("1.50"), "s": text("hello"), "empty": &types.AttributeValueMemberL{Value: []types.AttributeValue{}},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{num(1), &types.AttributeValueMemberM{Value: item{"deep": text("x")}}}}, "set": &types.AttributeValueMemberSS{Value: []string{"a", "b"}}})
	values := item{":one": num("1.5"), ":two": num(2), ":h": text("he"), ":x": text("x"), ":a": text("a"), ":S": text("S"), ":zero": num(0)}
	for expr, want := range map[string]bool{
		"n = :one":                                   true,
		"n <> :one":                                  false,
		"n < :two AND n >= :one":                     true,
		"n BETWEEN :one AND :two":                    true,
		"n IN (:two, :one)":                          true,
		"NOT n IN (:two)":                            true,
		"begins_with(s, :h) and contains(s, :h)":     true,
		"contains(#set, :a)":                         true,
		"contains(#set, :x)":                         false,
		"list[1].deep = :x":                          true,
		"list[7].deep = :x":                          false,
		"attribute_exists(list[1].deep)":             true,
		"attribute_not_exists(nothing)":              true,
		"attribute_type(s, :S)":                      true,
		"size(list) = :two":                          true,
		"size(empty) = :zero":                        true,
		"(n = :two OR s = :x) AND n = :one":          false,
		"n = :two OR s = :x OR n = :one":             true,
		"n = :one OR n = :one AND s = :x":            true,
		"absent = :x":                                false,
		"absent <> :x":                               true,
		"s > :one":                                   false,
		"NOT (attribute_exists(n) AND n = :one)":     false,
		"not attribute_exists(nothing) AND n = :one": true,
	} {
		in := &awsdynamodb.DeleteItemInput{TableName: aws.String("lock"), Key: item{"LockID": text("k")}, ConditionExpression: aws.String("attribute_not_exists(LockID) AND " + "(" + expr + ")")}
		// The delete never happens; a scan with the same filter tells the truth value.
		_, err := b.DeleteItem(b.ctx, withUsed(in, values))
		wantCode(t, err, "ConditionalCheckFailedException")
		scan := &awsdynamodb.ScanInput{TableName: aws.String("lock"), FilterExpression: &expr, ExpressionAttributeValues: used(expr, values), ExpressionAttributeNames: usedNames(expr)}
		out, err := b.Scan(b.ctx, scan)
		if err != nil || (out.Count == 1) != want || out.ScannedCount != 1 {
			t.Errorf("%s: %v, want %v", expr, err, want)
		}
	}
}

func used(expr string, values item) item {
	out := item{}
	for k, v := range values {
		for _, w := range strings.FieldsFunc(expr, func(r rune) bool { return strings.ContainsRune(" (),", r) }) {
			if w == k {
				out[k] = v
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func usedNames(expr string) map[string]string {
	if strings.Contains(expr, "#set") {
		return map[string]string{"#set": "set"}
	}
	return nil
}

func withUsed(in *awsdynamodb.DeleteItemInput, values item) *awsdynamodb.DeleteItemInput {
	in.ExpressionAttributeValues, in.ExpressionAttributeNames = used(*in.ConditionExpression, values), usedNames(*in.ConditionExpression)
	return in
}

func TestBrokenExpressionsAreRefused(t *testing.T) {
	b := start(t)
	b.lock(t)
	for _, expr := range []string{"", "n =", "n = :absent", "#absent = :v", "n == :v", "frobnicate(n, :v)", "n = :v extra", "(n = :v", "n ? :v"} {
		_, err := b.Scan(b.ctx, &awsdynamodb.ScanInput{TableName: aws.String("lock"), FilterExpression: &expr, ExpressionAttributeValues: item{":v": num(1)}})
		wantCode(t, err, "ValidationException")
	}
	_, err := b.Scan(b.ctx, &awsdynamodb.ScanInput{TableName: aws.String("lock"), FilterExpression: aws.String("attribute_exists(a)"), ExpressionAttributeValues: item{":unused": num(1)}})
	wantCode(t, err, "ValidationException")
	_, err = b.GetItem(b.ctx, &awsdynamodb.GetItemInput{TableName: aws.String("lock"), Key: item{"LockID": num(1)}})
	wantCode(t, err, "ValidationException")
	_, err = b.GetItem(b.ctx, &awsdynamodb.GetItemInput{TableName: aws.String("absent"), Key: item{"LockID": text("x")}})
	wantCode(t, err, "ResourceNotFoundException")
}

func TestUpdates(t *testing.T) {
	b := start(t)
	b.lock(t)
	update := func(expr string, values item) (item, error) {
		out, err := b.UpdateItem(b.ctx, &awsdynamodb.UpdateItemInput{TableName: aws.String("lock"), Key: item{"LockID": text("k")}, UpdateExpression: &expr, ExpressionAttributeValues: values, ReturnValues: types.ReturnValueAllNew})
		if err != nil {
			return nil, err
		}
		return out.Attributes, nil
	}
	for _, step := range []struct {
		expr   string
		values item
		attr   string
		want   types.AttributeValue
	}{
		{"SET n = :n, l = :l, m = :m", item{":n": num(1), ":l": &types.AttributeValueMemberL{Value: []types.AttributeValue{num(1)}}, ":m": &types.AttributeValueMemberM{Value: item{}}}, "n", num(1)},
		{"SET n = n + :d", item{":d": num("0.10")}, "n", num("1.1")},
		{"SET n = if_not_exists(n, :z) - :d", item{":d": num("0.1"), ":z": num(0)}, "n", num(1)},
		{"SET q = if_not_exists(q, :z)", item{":z": num(7)}, "q", num(7)},
		{"SET l = list_append(l, :l)", item{":l": &types.AttributeValueMemberL{Value: []types.AttributeValue{num(2)}}}, "l", &types.AttributeValueMemberL{Value: []types.AttributeValue{num(1), num(2)}}},
		{"SET l[0] = :v REMOVE l[1]", item{":v": text("first")}, "l", &types.AttributeValueMemberL{Value: []types.AttributeValue{text("first")}}},
		{"SET m.a = :v", item{":v": text("in")}, "m", &types.AttributeValueMemberM{Value: item{"a": text("in")}}},
		{"ADD n :n, tags :t", item{":n": num(4), ":t": &types.AttributeValueMemberSS{Value: []string{"x", "y"}}}, "n", num(5)},
		{"DELETE tags :t", item{":t": &types.AttributeValueMemberSS{Value: []string{"x"}}}, "tags", &types.AttributeValueMemberSS{Value: []string{"y"}}},
		{"DELETE tags :t", item{":t": &types.AttributeValueMemberSS{Value: []string{"y"}}}, "tags", nil},
		{"REMOVE q, m.a", nil, "m", &types.AttributeValueMemberM{Value: item{}}},
	} {
		got, err := update(step.expr, step.values)
		if err != nil {
			t.Fatalf("%s: %v", step.expr, err)
		}
		if v := got[step.attr]; !reflect.DeepEqual(v, step.want) {
			t.Errorf("%s: %s is %+v, want %+v", step.expr, step.attr, v, step.want)
		}
	}
	for _, expr := range []string{"SET LockID = :v", "SET a.b = :v", "SET n = absent + :v", "SET a = :v, a = :v", "FROB a"} {
		_, err := update(expr, item{":v": num(1)})
		wantCode(t, err, "ValidationException")
	}
}

func TestQueriesFollowTheSortKey(t *testing.T) {
	b := start(t)
	b.orders(t)
	run := func(in *awsdynamodb.QueryInput) (got []string) {
		t.Helper()
		in.TableName = aws.String("orders")
		p := awsdynamodb.NewQueryPaginator(b, in)
		for p.HasMorePages() {
			out, err := p.NextPage(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.Items {
				got = append(got, i["at"].(*types.AttributeValueMemberN).Value)
			}
		}
		return got
	}
	for _, c := range []struct {
		rule string
		in   awsdynamodb.QueryInput
		want string
	}{
		{"numbers sort as numbers", awsdynamodb.QueryInput{KeyConditionExpression: aws.String("#u = :u"), ExpressionAttributeValues: item{":u": text("u")}, ExpressionAttributeNames: map[string]string{"#u": "user"}}, "-1 2.5 9 10 100"},
		{"backwards, page by page", awsdynamodb.QueryInput{KeyConditionExpression: aws.String("#u = :u"), ExpressionAttributeValues: item{":u": text("u")}, ExpressionAttributeNames: map[string]string{"#u": "user"}, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(2)}, "100 10 9 2.5 -1"},
		{"a range of the sort key", awsdynamodb.QueryInput{KeyConditionExpression: aws.String("#u = :u AND #a BETWEEN :a AND :b"), ExpressionAttributeValues: item{":u": text("u"), ":a": num(2), ":b": num(10)}, ExpressionAttributeNames: map[string]string{"#u": "user", "#a": "at"}}, "2.5 9 10"},
		{"filtered", awsdynamodb.QueryInput{KeyConditionExpression: aws.String("#u = :u"), FilterExpression: aws.String("n > :n"), ExpressionAttributeValues: item{":u": text("u"), ":n": num(1)}, ExpressionAttributeNames: map[string]string{"#u": "user"}}, "-1 2.5 100"},
		{"over an index", awsdynamodb.QueryInput{IndexName: aws.String("by-state"), KeyConditionExpression: aws.String("#s = :s"), ExpressionAttributeValues: item{":s": text("open")}, ExpressionAttributeNames: map[string]string{"#s": "state"}, Limit: aws.Int32(1)}, "2.5 10 100"},
	} {
		if got := strings.Join(run(&c.in), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
	_, err := b.Query(b.ctx, &awsdynamodb.QueryInput{TableName: aws.String("orders"), KeyConditionExpression: aws.String("n = :n"), ExpressionAttributeValues: item{":n": num(1)}})
	wantCode(t, err, "ValidationException")
	count := 0
	sp := awsdynamodb.NewScanPaginator(b, &awsdynamodb.ScanInput{TableName: aws.String("orders"), Limit: aws.Int32(2)})
	for sp.HasMorePages() {
		out, err := sp.NextPage(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		count += len(out.Items)
	}
	if count != 6 {
		t.Errorf("scanned %d items", count)
	}
}

func TestATransactionHappensWholeOrNotAtAll(t *testing.T) {
	b := start(t)
	b.lock(t)
	b.put(t, "lock", item{"LockID": text("there")})
	put := func(id string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: aws.String("lock"), Item: item{"LockID": text(id)}, ConditionExpression: aws.String("attribute_not_exists(LockID)")}}
	}
	_, err := b.TransactWriteItems(b.ctx, &awsdynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{put("new"), put("there")}})
	wantCode(t, err, "TransactionCanceledException")
	if err == nil || !strings.Contains(err.Error(), "[None, ConditionalCheckFailed]") {
		t.Error(err)
	}
	out, err := b.Scan(b.ctx, &awsdynamodb.ScanInput{TableName: aws.String("lock"), Select: types.SelectCount})
	if err != nil || out.Count != 1 || out.Items != nil {
		t.Errorf("%v: %+v", err, out)
	}
	for range 2 { // the second is a repetition
		if _, err := b.TransactWriteItems(b.ctx, &awsdynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String("t"), TransactItems: []types.TransactWriteItem{put("a"), put("b")}}); err != nil {
			t.Error(err)
		}
	}
	_, err = b.BatchWriteItem(b.ctx, &awsdynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"lock": {{PutRequest: &types.PutRequest{Item: item{"LockID": text("c")}}}, {DeleteRequest: &types.DeleteRequest{Key: item{"LockID": text("a")}}}}}})
	if err != nil {
		t.Error(err)
	}
	got, err := b.BatchGetItem(b.ctx, &awsdynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"lock": {Keys: []item{{"LockID": text("a")}, {"LockID": text("b")}, {"LockID": text("c")}}}}})
	if err != nil || len(got.Responses["lock"]) != 2 {
		t.Errorf("%v: %+v", err, got)
	}
}

func TestTableSettings(t *testing.T) {
	b := start(t)
	b.lock(t)
	name := aws.String("lock")
	if _, err := b.UpdateTable(b.ctx, &awsdynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(true), SSESpecification: &types.SSESpecification{Enabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	d, err := b.DescribeTable(b.ctx, &awsdynamodb.DescribeTableInput{TableName: name})
	if err != nil || d.Table.TableStatus != types.TableStatusActive || d.Table.BillingModeSummary.BillingMode != types.BillingModePayPerRequest || !*d.Table.DeletionProtectionEnabled || d.Table.SSEDescription.SSEType != types.SSETypeKms {
		t.Errorf("%v: %+v", err, d.Table)
	}
	_, err = b.DeleteTable(b.ctx, &awsdynamodb.DeleteTableInput{TableName: name})
	wantCode(t, err, "ValidationException")
	if _, err := b.UpdateContinuousBackups(b.ctx, &awsdynamodb.UpdateContinuousBackupsInput{TableName: name, PointInTimeRecoverySpecification: &types.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	pitr, err := b.DescribeContinuousBackups(b.ctx, &awsdynamodb.DescribeContinuousBackupsInput{TableName: name})
	if err != nil || pitr.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != types.PointInTimeRecoveryStatusEnabled {
		t.Errorf("%v: %+v", err, pitr)
	}
	if _, err := b.TagResource(b.ctx, &awsdynamodb.TagResourceInput{ResourceArn: d.Table.TableArn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}); err != nil {
		t.Fatal(err)
	}
	tags, err := b.ListTagsOfResource(b.ctx, &awsdynamodb.ListTagsOfResourceInput{ResourceArn: d.Table.TableArn})
	if err != nil || len(tags.Tags) != 1 {
		t.Errorf("%v: %+v", err, tags)
	}
	if _, err := b.UpdateTimeToLive(b.ctx, &awsdynamodb.UpdateTimeToLiveInput{TableName: name, TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("until"), Enabled: aws.Bool(true)}}); err != nil {
		t.Fatal(err)
	}
	b.put(t, "lock", item{"LockID": text("old"), "until": num(b.clock.Now().Unix())})
	b.put(t, "lock", item{"LockID": text("young"), "until": num(b.clock.Now().Add(time.Hour).Unix())})
	b.clock.Advance(time.Minute)
	if err := b.loops[0].Run(b.ctx); err != nil {
		t.Fatal(err)
	}
	out, err := b.Scan(b.ctx, &awsdynamodb.ScanInput{TableName: name})
	if err != nil || len(out.Items) != 1 {
		t.Errorf("%v: %+v", err, out.Items)
	}
	if _, err := b.UpdateTable(b.ctx, &awsdynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	if _, err = b.DeleteTable(b.ctx, &awsdynamodb.DeleteTableInput{TableName: name}); err != nil {
		t.Error(err)
	}
	_, err = b.DescribeTable(b.ctx, &awsdynamodb.DescribeTableInput{TableName: name})
	wantCode(t, err, "ResourceNotFoundException")
}
