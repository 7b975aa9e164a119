// Package s3 is Amazon S3 (and the part of S3 Control that tags buckets):
// buckets, objects with versions, multipart uploads, listings, bucket
// configurations, lifecycle and notifications to EventBridge.
//
// Rows live in the store, contents in blobs; both survive a crash, and a write
// is visible only when both are complete. The package knows neither HTTP nor
// XML, and no other service: whoever builds it hands it a function that
// receives its events.
package s3
