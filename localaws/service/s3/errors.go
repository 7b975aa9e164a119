package s3

import "grocery/localaws/wire"

// httpTime is how HTTP writes a date.
const httpTime = "Mon, 02 Jan 2006 15:04:05 GMT"

// The codes are S3's:
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.

func noSuchBucket(name string) error {
	e := wire.Errorf(404, "NoSuchBucket", "The specified bucket does not exist")
	e.Fields = map[string]string{"BucketName": name}
	return e
}

func noSuchKey(key string) *wire.Error {
	e := wire.Errorf(404, "NoSuchKey", "The specified key does not exist.")
	e.Fields = map[string]string{"Key": key}
	return e
}

func noSuchVersion(key, id string) error {
	e := wire.Errorf(404, "NoSuchVersion", "The specified version does not exist.")
	e.Fields = map[string]string{"Key": key, "VersionId": id}
	return e
}

func noSuchUpload(id string) error {
	e := wire.Errorf(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.")
	e.Fields = map[string]string{"UploadId": id}
	return e
}

func preconditionFailed(condition string) error {
	e := wire.Errorf(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	e.Fields = map[string]string{"Condition": condition}
	return e
}

// notModified answers a conditional read that needs no content.
func notModified(o *object) error {
	e := wire.Errorf(304, "NotModified", "Not Modified")
	e.Headers = map[string][]string{"Etag": {*quote(o.ETag)}, "Last-Modified": {o.Modified.UTC().Format(httpTime)}}
	return e
}

func invalidArgument(format string, args ...any) error {
	return wire.Errorf(400, "InvalidArgument", format, args...)
}

// unsupported refuses what S3 offers and local AWS does not.
func unsupported(what string) error {
	return wire.Errorf(400, "NotImplemented", "Local S3 does not offer %s.", what)
}

// deleted answers a read that meets a delete marker.
func deleted(b *bucket, o *object, status int) error {
	e := noSuchKey(o.Key)
	if status == 405 {
		e = wire.Errorf(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
		e.Fields = map[string]string{"ResourceType": "DeleteMarker", "Method": "GET"}
	}
	e.Headers = map[string][]string{"X-Amz-Delete-Marker": {"true"}}
	if v := b.shownVersion(o.Version); v != nil {
		e.Headers["X-Amz-Version-Id"] = []string{*v}
	}
	return e
}
