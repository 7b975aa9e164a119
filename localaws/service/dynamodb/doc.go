// Package dynamodb is Amazon DynamoDB: tables with their settings, items,
// conditional writes, transactions, queries and scans, also over secondary
// indexes, with DynamoDB's expressions.
//
// It keeps items in the store, one row each, and reads an index by walking the
// table: right for the sizes of a machine's own tables, not for big ones. The
// request parameters that expressions replaced in 2014 (Expected,
// AttributeUpdates, KeyConditions and their like) are refused.
package dynamodb
