package dynamodb

import (
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/dynamodbapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Clock store.Clock
}

// Service is DynamoDB.
type Service struct{ d Deps }

// New makes the service.
func New(d Deps) *Service { return &Service{d} }

const (
	refused    = "ValidationException"
	expression = " ExpressionAttributeNames ExpressionAttributeValues "
	ignored    = " ReturnConsumedCapacity ReturnItemCollectionMetrics " // asks for figures that local tables do not have
)

// Register offers DynamoDB's operations.
func (s *Service) Register(r *wire.Registry) {
	strict.Handle(r, api.CreateTable, refused, "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes OnDemandThroughput ProvisionedThroughput SSESpecification StreamSpecification TableClass TableName Tags", s.createTable)
	strict.Handle(r, api.UpdateTable, refused, "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexUpdates OnDemandThroughput ProvisionedThroughput SSESpecification StreamSpecification TableClass TableName", s.updateTable)
	wire.Handle(r, api.DescribeTable, s.describeTable)
	wire.Handle(r, api.DeleteTable, s.deleteTable)
	wire.Handle(r, api.ListTables, s.listTables)
	wire.Handle(r, api.DescribeTimeToLive, s.describeTimeToLive)
	wire.Handle(r, api.UpdateTimeToLive, s.updateTimeToLive)
	wire.Handle(r, api.DescribeContinuousBackups, s.describeContinuousBackups)
	wire.Handle(r, api.UpdateContinuousBackups, s.updateContinuousBackups)
	wire.Handle(r, api.ListTagsOfResource, s.listTags)
	wire.Handle(r, api.TagResource, s.tag)
	wire.Handle(r, api.UntagResource, s.untag)
	wire.Handle(r, api.GetResourcePolicy, s.getResourcePolicy)

	strict.Handle(r, api.PutItem, refused, "TableName Item ConditionExpression ReturnValues"+expression+ignored, s.putItem)
	strict.Handle(r, api.GetItem, refused, "TableName Key ConsistentRead ExpressionAttributeNames ProjectionExpression"+ignoredRead, s.getItem)
	strict.Handle(r, api.DeleteItem, refused, "TableName Key ConditionExpression ReturnValues"+expression+ignored, s.deleteItem)
	strict.Handle(r, api.UpdateItem, refused, "TableName Key ConditionExpression UpdateExpression ReturnValues"+expression+ignored, s.updateItem)
	strict.Handle(r, api.Query, refused, "TableName IndexName KeyConditionExpression FilterExpression ProjectionExpression ConsistentRead ExclusiveStartKey Limit ScanIndexForward Select"+expression+ignoredRead, s.query)
	strict.Handle(r, api.Scan, refused, "TableName IndexName FilterExpression ProjectionExpression ConsistentRead ExclusiveStartKey Limit Select Segment TotalSegments"+expression+ignoredRead, s.scan)
	wire.Handle(r, api.BatchGetItem, s.batchGet)
	wire.Handle(r, api.BatchWriteItem, s.batchWrite)
	wire.Handle(r, api.TransactGetItems, s.transactGet)
	wire.Handle(r, api.TransactWriteItems, s.transactWrite)
}

const ignoredRead = " ReturnConsumedCapacity"

// Loops removes items whose time to live is over.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{{Name: "dynamodb-ttl", Every: 10 * time.Minute, Run: s.expire}}
}

func invalid(format string, args ...any) error {
	return wire.Errorf(400, "ValidationException", format, args...)
}

func conditionFailed() error {
	return wire.Errorf(400, "ConditionalCheckFailedException", "The conditional request failed")
}
