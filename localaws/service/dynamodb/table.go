package dynamodb

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/dynamodbapi"
)

// table is a row of the tables table, by region and name.
type table struct {
	Name, Region, ID string
	Created          time.Time
	Attributes       []api.AttributeDefinition
	Keys             []api.KeySchemaElement
	Global           []api.GlobalSecondaryIndex
	Local            []api.LocalSecondaryIndex
	OnDemand         bool
	OnDemandSince    time.Time
	Throughput       api.ProvisionedThroughput
	MaxOnDemand      *api.OnDemandThroughput
	Class            string
	Protected        bool
	SSE              *api.SSEDescription
	Tags             []api.Tag
	TTL              string // attribute, "" when off
	Recovery         bool   // point-in-time recovery is on
	RecoveryDays     int64
	RecoverySince    time.Time
}

var (
	tables = store.Table[table]{Name: "dynamodb.tables"}
	items  = store.Table[item]{Name: "dynamodb.items"} // by table id, partition key and sort key
)

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

func notFound(name string) error {
	return wire.Errorf(400, "ResourceNotFoundException", "Requested resource not found: Table: %s not found", name)
}

// find returns a table by name or ARN in the call's region.
func find(ctx context.Context, tx store.Tx, nameOrARN *string) (*table, error) {
	name, region := ptr.Val(nameOrARN), wire.CallFrom(ctx).Region
	if p := strings.SplitN(name, ":", 6); len(p) == 6 && strings.HasPrefix(p[5], "table/") {
		name, region = strings.TrimPrefix(p[5], "table/"), p[3]
	}
	t, ok := tables.Get(tx, store.Key(region, name))
	if !ok {
		return nil, notFound(name)
	}
	return &t, nil
}

func (s *Service) view(ctx context.Context, name *string, f func(tx store.Tx, t *table) error) error {
	return s.d.Store.View(func(tx store.Tx) error {
		t, err := find(ctx, tx, name)
		if err != nil {
			return err
		}
		return f(tx, t)
	})
}

func (s *Service) change(ctx context.Context, name *string, f func(tx store.Tx, t *table) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		t, err := find(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := f(tx, t); err != nil {
			return err
		}
		tables.Put(tx, store.Key(t.Region, t.Name), *t)
		return nil
	})
}

func (t *table) arn() string {
	return "arn:" + wire.Partition + ":dynamodb:" + t.Region + ":" + wire.Account + ":table/" + t.Name
}

// key names the attributes of a key schema; sort is "" when there is none.
func key(schema []api.KeySchemaElement) (hash, sort string) {
	for _, k := range schema {
		if ptr.Val(k.KeyType) == "HASH" {
			hash = ptr.Val(k.AttributeName)
		} else {
			sort = ptr.Val(k.AttributeName)
		}
	}
	return hash, sort
}

func (t *table) typeOfAttribute(name string) string {
	for _, a := range t.Attributes {
		if ptr.Val(a.AttributeName) == name {
			return ptr.Val(a.AttributeType)
		}
	}
	return ""
}

// checkSchemas validates keys, indexes and attribute definitions together.
func (t *table) checkSchemas() error {
	used := map[string]bool{}
	schema := func(k []api.KeySchemaElement) error {
		if len(k) == 0 || len(k) > 2 || ptr.Val(k[0].KeyType) != "HASH" || len(k) == 2 && ptr.Val(k[1].KeyType) != "RANGE" {
			return invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type or the second is not a RANGE key type")
		}
		for _, e := range k {
			used[ptr.Val(e.AttributeName)] = true
			if t.typeOfAttribute(ptr.Val(e.AttributeName)) == "" {
				return invalid("One or more parameter values were invalid: Some index key attributes are not defined in AttributeDefinitions. Keys: [%s]", ptr.Val(e.AttributeName))
			}
		}
		return nil
	}
	if err := schema(t.Keys); err != nil {
		return err
	}
	names := map[string]bool{}
	for _, i := range t.Global {
		if err := schema(i.KeySchema); err != nil {
			return err
		}
		names[ptr.Val(i.IndexName)] = true
	}
	hash, _ := key(t.Keys)
	for _, i := range t.Local {
		if err := schema(i.KeySchema); err != nil {
			return err
		}
		if h, sort := key(i.KeySchema); h != hash || sort == "" {
			return invalid("One or more parameter values were invalid: Index %s must have the table's HASH key and a RANGE key", ptr.Val(i.IndexName))
		}
		names[ptr.Val(i.IndexName)] = true
	}
	if len(names) != len(t.Global)+len(t.Local) {
		return invalid("One or more parameter values were invalid: Duplicate index name")
	}
	for _, a := range t.Attributes {
		if !slices.Contains([]string{"S", "N", "B"}, ptr.Val(a.AttributeType)) {
			return invalid("Member must satisfy enum value set: [B, N, S]")
		}
		if !used[ptr.Val(a.AttributeName)] {
			return invalid("One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
		}
	}
	return nil
}

// bill sets how a table is paid for.
func (t *table) bill(mode *string, p *api.ProvisionedThroughput, now time.Time) error {
	switch m := ptr.Val(mode); {
	case m == "PAY_PER_REQUEST" && p != nil && ptr.Val(p.ReadCapacityUnits)+ptr.Val(p.WriteCapacityUnits) > 0:
		return invalid("One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case m == "PAY_PER_REQUEST":
		if !t.OnDemand {
			t.OnDemand, t.OnDemandSince = true, now
		}
		t.Throughput = api.ProvisionedThroughput{}
	case m != "" && m != "PROVISIONED":
		return invalid("Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]")
	case p == nil && (m == "PROVISIONED" || t.Throughput.ReadCapacityUnits == nil && !t.OnDemand):
		return invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	case p != nil:
		if ptr.Val(p.ReadCapacityUnits) < 1 || ptr.Val(p.WriteCapacityUnits) < 1 {
			return invalid("One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must be at least 1")
		}
		t.OnDemand, t.Throughput = false, *p
	}
	return nil
}

func (t *table) encrypt(in *api.SSESpecification) {
	switch {
	case in == nil:
	case !ptr.Val(in.Enabled):
		t.SSE = nil // which is DynamoDB's own key
	default:
		key := ptr.Or(in.KMSMasterKeyId, "alias/aws/dynamodb")
		if !strings.HasPrefix(key, "arn:") {
			if !strings.HasPrefix(key, "alias/") {
				key = "key/" + key
			}
			key = "arn:" + wire.Partition + ":kms:" + t.Region + ":" + wire.Account + ":" + key
		}
		t.SSE = &api.SSEDescription{Status: new("ENABLED"), SSEType: new("KMS"), KMSMasterKeyArn: &key}
	}
}

func throughput(p *api.ProvisionedThroughput) *api.ProvisionedThroughputDescription {
	return &api.ProvisionedThroughputDescription{ReadCapacityUnits: new(ptr.Val(p.ReadCapacityUnits)), WriteCapacityUnits: new(ptr.Val(p.WriteCapacityUnits)), NumberOfDecreasesToday: new(int64(0))}
}

func (t *table) describe(tx store.Tx, status string) *api.TableDescription {
	var count, bytes int64
	items.Each(tx, t.ID+"/", func(_ string, i item) bool { count++; bytes += int64(size(value{M: i})); return true })
	d := &api.TableDescription{
		TableName: &t.Name, TableArn: new(t.arn()), TableId: &t.ID, TableStatus: &status, CreationDateTime: &t.Created, AttributeDefinitions: t.Attributes, KeySchema: t.Keys,
		ItemCount: &count, TableSizeBytes: &bytes, DeletionProtectionEnabled: &t.Protected, SSEDescription: t.SSE, OnDemandThroughput: t.MaxOnDemand, ProvisionedThroughput: throughput(&t.Throughput),
	}
	if t.OnDemand {
		d.BillingModeSummary = &api.BillingModeSummary{BillingMode: new("PAY_PER_REQUEST"), LastUpdateToPayPerRequestDateTime: &t.OnDemandSince}
	}
	if t.Class != "" {
		d.TableClassSummary = &api.TableClassSummary{TableClass: &t.Class}
	}
	for _, i := range t.Global {
		p := i.ProvisionedThroughput
		if p == nil {
			p = &api.ProvisionedThroughput{}
		}
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, api.GlobalSecondaryIndexDescription{IndexName: i.IndexName, IndexArn: new(t.arn() + "/index/" + *i.IndexName), IndexStatus: new("ACTIVE"),
			KeySchema: i.KeySchema, Projection: i.Projection, ProvisionedThroughput: throughput(p), OnDemandThroughput: i.OnDemandThroughput, ItemCount: new(int64(0)), IndexSizeBytes: new(int64(0))})
	}
	for _, i := range t.Local {
		d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, api.LocalSecondaryIndexDescription{IndexName: i.IndexName, IndexArn: new(t.arn() + "/index/" + *i.IndexName),
			KeySchema: i.KeySchema, Projection: i.Projection, ItemCount: new(int64(0)), IndexSizeBytes: new(int64(0))})
	}
	return d
}

func noStreams(in *api.StreamSpecification) error {
	if in != nil && ptr.Val(in.StreamEnabled) {
		return invalid("Local DynamoDB does not offer streams.")
	}
	return nil
}

func (s *Service) createTable(ctx context.Context, in *api.CreateTableInput) (out *api.CreateTableOutput, err error) {
	now := s.d.Clock.Now()
	t := &table{Name: *in.TableName, Region: wire.CallFrom(ctx).Region, ID: wire.NewRequestID(), Created: now, Attributes: in.AttributeDefinitions, Keys: in.KeySchema,
		Global: in.GlobalSecondaryIndexes, Local: in.LocalSecondaryIndexes, MaxOnDemand: in.OnDemandThroughput, Class: ptr.Val(in.TableClass), Protected: ptr.Val(in.DeletionProtectionEnabled), Tags: in.Tags}
	if !tableName.MatchString(t.Name) {
		return nil, invalid("TableName must be at least 3 characters long and at most 255 characters long, of letters, digits, _, . and -")
	}
	if err := noStreams(in.StreamSpecification); err != nil {
		return nil, err
	}
	if err := t.checkSchemas(); err != nil {
		return nil, err
	}
	if err := t.bill(in.BillingMode, in.ProvisionedThroughput, now); err != nil {
		return nil, err
	}
	t.encrypt(in.SSESpecification)
	err = s.d.Store.Update(func(tx store.Tx) error {
		if _, there := tables.Get(tx, store.Key(t.Region, t.Name)); there {
			return wire.Errorf(400, "ResourceInUseException", "Table already exists: %s", t.Name)
		}
		tables.Put(tx, store.Key(t.Region, t.Name), *t)
		out = &api.CreateTableOutput{TableDescription: t.describe(tx, "ACTIVE")}
		return nil
	})
	return out, err
}

func (s *Service) describeTable(ctx context.Context, in *api.DescribeTableInput) (out *api.DescribeTableOutput, err error) {
	err = s.view(ctx, in.TableName, func(tx store.Tx, t *table) error {
		out = &api.DescribeTableOutput{Table: t.describe(tx, "ACTIVE")}
		return nil
	})
	return out, err
}

func (s *Service) deleteTable(ctx context.Context, in *api.DeleteTableInput) (out *api.DeleteTableOutput, err error) {
	err = s.d.Store.Update(func(tx store.Tx) error {
		t, err := find(ctx, tx, in.TableName)
		if err != nil {
			return err
		}
		if t.Protected {
			return invalid("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.")
		}
		out = &api.DeleteTableOutput{TableDescription: t.describe(tx, "DELETING")}
		var rows []string
		items.Each(tx, t.ID+"/", func(row string, _ item) bool { rows = append(rows, row); return true })
		for _, row := range rows {
			items.Delete(tx, row)
		}
		tables.Delete(tx, store.Key(t.Region, t.Name))
		return nil
	})
	return out, err
}

func (s *Service) listTables(ctx context.Context, in *api.ListTablesInput) (*api.ListTablesOutput, error) {
	most := int(ptr.Or(in.Limit, 100))
	if most < 1 || most > 100 {
		return nil, invalid("Limit must be between 1 and 100")
	}
	out := &api.ListTablesOutput{TableNames: []string{}}
	return out, s.d.Store.View(func(tx store.Tx) error {
		tables.Each(tx, wire.CallFrom(ctx).Region+"/", func(_ string, t table) bool {
			if t.Name <= ptr.Val(in.ExclusiveStartTableName) {
				return true
			}
			if len(out.TableNames) == most {
				out.LastEvaluatedTableName = &out.TableNames[most-1]
				return false
			}
			out.TableNames = append(out.TableNames, t.Name)
			return true
		})
		return nil
	})
}

func (s *Service) updateTable(ctx context.Context, in *api.UpdateTableInput) (out *api.UpdateTableOutput, err error) {
	if err := noStreams(in.StreamSpecification); err != nil {
		return nil, err
	}
	err = s.change(ctx, in.TableName, func(tx store.Tx, t *table) error {
		if in.BillingMode != nil || in.ProvisionedThroughput != nil {
			if err := t.bill(in.BillingMode, in.ProvisionedThroughput, s.d.Clock.Now()); err != nil {
				return err
			}
		}
		t.encrypt(in.SSESpecification)
		ptr.Set(&t.Protected, in.DeletionProtectionEnabled)
		ptr.Set(&t.Class, in.TableClass)
		if in.OnDemandThroughput != nil {
			t.MaxOnDemand = in.OnDemandThroughput
		}
		for _, a := range in.AttributeDefinitions {
			t.Attributes = append(slices.DeleteFunc(t.Attributes, func(x api.AttributeDefinition) bool { return *x.AttributeName == *a.AttributeName }), a)
		}
		for _, u := range in.GlobalSecondaryIndexUpdates {
			if err := t.updateIndex(u); err != nil {
				return err
			}
		}
		t.forgetAttributes()
		if err := t.checkSchemas(); err != nil {
			return err
		}
		out = &api.UpdateTableOutput{TableDescription: t.describe(tx, "ACTIVE")}
		return nil
	})
	return out, err
}

func (t *table) updateIndex(u api.GlobalSecondaryIndexUpdate) error {
	at := func(name *string) int {
		return slices.IndexFunc(t.Global, func(i api.GlobalSecondaryIndex) bool { return *i.IndexName == ptr.Val(name) })
	}
	switch {
	case u.Create != nil:
		t.Global = append(t.Global, api.GlobalSecondaryIndex{IndexName: u.Create.IndexName, KeySchema: u.Create.KeySchema, Projection: u.Create.Projection, ProvisionedThroughput: u.Create.ProvisionedThroughput, OnDemandThroughput: u.Create.OnDemandThroughput})
	case u.Delete != nil:
		i := at(u.Delete.IndexName)
		if i < 0 {
			return wire.Errorf(400, "ResourceNotFoundException", "Requested resource not found: Index %s", ptr.Val(u.Delete.IndexName))
		}
		t.Global = slices.Delete(t.Global, i, i+1)
	case u.Update != nil:
		i := at(u.Update.IndexName)
		if i < 0 {
			return wire.Errorf(400, "ResourceNotFoundException", "Requested resource not found: Index %s", ptr.Val(u.Update.IndexName))
		}
		if u.Update.ProvisionedThroughput != nil {
			t.Global[i].ProvisionedThroughput = u.Update.ProvisionedThroughput
		}
		if u.Update.OnDemandThroughput != nil {
			t.Global[i].OnDemandThroughput = u.Update.OnDemandThroughput
		}
	}
	return nil
}

// forgetAttributes drops the definitions that no key uses any more.
func (t *table) forgetAttributes() {
	used := map[string]bool{}
	note := func(k []api.KeySchemaElement) {
		for _, e := range k {
			used[ptr.Val(e.AttributeName)] = true
		}
	}
	note(t.Keys)
	for _, i := range t.Global {
		note(i.KeySchema)
	}
	for _, i := range t.Local {
		note(i.KeySchema)
	}
	t.Attributes = slices.DeleteFunc(t.Attributes, func(a api.AttributeDefinition) bool { return !used[*a.AttributeName] })
}
