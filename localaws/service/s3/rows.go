package s3

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire/api/s3api"
)

// bucket is a row of the buckets table, by name: bucket names are global.
type bucket struct {
	Name       string
	Region     string
	Created    time.Time
	Versioning string // "", "Enabled" or "Suspended"
	Tags       []s3api.Tag
	Policy     string

	Encryption       *s3api.ServerSideEncryptionConfiguration
	PublicAccess     *s3api.PublicAccessBlockConfiguration
	Ownership        *s3api.OwnershipControls
	Lifecycle        []s3api.LifecycleRule
	LifecycleMinimum string // the transition-default-minimum-object-size header
	Notification     *s3api.NotificationConfiguration
	CORS             []s3api.CORSRule
}

// object is one version of an object, or a delete marker.
type object struct {
	Bucket, Key string
	Version     string // "null" where the bucket was not versioned
	Seq         uint64 // orders the versions of a key; larger is newer
	Marker      bool   // a delete marker has no content
	Modified    time.Time
	Size        int64
	ETag        string // without quotes
	Segments    []segment
	Multipart   bool // made by a multipart upload, so that its parts can be asked for
	Sums        sums
	SumType     string // FULL_OBJECT or COMPOSITE
	Tags        []s3api.Tag
	headers
}

// segment is a stretch of an object's content; a multipart object has one for
// each part.
type segment struct {
	Blob string
	Size int64
	Part int64
	Sums sums
}

// headers are what a client says about an object and gets back with it.
type headers struct {
	ContentType        string            `json:",omitempty"`
	ContentEncoding    string            `json:",omitempty"`
	ContentDisposition string            `json:",omitempty"`
	ContentLanguage    string            `json:",omitempty"`
	CacheControl       string            `json:",omitempty"`
	Expires            *time.Time        `json:",omitempty"`
	Redirect           string            `json:",omitempty"`
	StorageClass       string            `json:",omitempty"`
	Encryption         string            `json:",omitempty"`
	KMSKey             string            `json:",omitempty"`
	Metadata           map[string]string `json:",omitempty"`
}

// upload is a multipart upload in progress.
type upload struct {
	Bucket, Key, ID string
	Initiated       time.Time
	Algorithm       string
	SumType         string
	Tags            []s3api.Tag
	headers
}

// part is an uploaded part of an upload.
type part struct {
	Number   int64
	Blob     string
	Size     int64
	ETag     string
	Sums     sums
	Modified time.Time
}

var (
	buckets = store.Table[bucket]{Name: "s3.buckets"}
	objects = store.Table[object]{Name: "s3.objects"}
	uploads = store.Table[upload]{Name: "s3.uploads"}
	parts   = store.Table[part]{Name: "s3.parts"}
)

// The objects table is ordered by bucket, key and then newest version first.
// A zero byte ends a key; one inside a key is followed by 0xff, which keeps
// S3's order of keys (UTF-8 bytes) without forbidding any key.
func keyPrefix(bucket, keyPrefix string) string {
	return bucket + "\x00" + strings.ReplaceAll(keyPrefix, "\x00", "\x00\xff")
}

func versionsOf(bucket, key string) string { return keyPrefix(bucket, key) + "\x00" }

func (o *object) row() string {
	return versionsOf(o.Bucket, o.Key) + fmt.Sprintf("%016x", ^o.Seq)
}

func uploadRow(bucket, key, id string) string { return keyPrefix(bucket, key) + "\x00" + id }

func partRow(uploadID string, number int64) string { return fmt.Sprintf("%s/%05d", uploadID, number) }

// latest returns the newest version of a key, which may be a delete marker.
func latest(tx store.Tx, bucket, key string) (o object, ok bool) {
	objects.Each(tx, versionsOf(bucket, key), func(_ string, v object) bool {
		o, ok = v, true
		return false
	})
	return o, ok
}

// version returns one version of a key.
func version(tx store.Tx, bucket, key, id string) (o object, ok bool) {
	objects.Each(tx, versionsOf(bucket, key), func(_ string, v object) bool {
		if v.Version == id {
			o, ok = v, true
		}
		return !ok
	})
	return o, ok
}

// remove deletes a version and returns the contents that went with it.
func remove(tx store.Tx, o object) (blobs []string) {
	objects.Delete(tx, o.row())
	for _, x := range o.Segments {
		blobs = append(blobs, x.Blob)
	}
	return blobs
}

// insert makes o the newest version of its key, as the bucket's versioning
// wants it, and returns the contents that it replaced.
func (b *bucket) insert(tx store.Tx, now time.Time, o *object) (blobs []string) {
	o.Seq = uint64(now.UnixNano())
	if old, ok := latest(tx, o.Bucket, o.Key); ok && old.Seq >= o.Seq {
		o.Seq = old.Seq + 1
	}
	o.Modified = now.Truncate(time.Second)
	o.Version = "null"
	if b.Versioning == "Enabled" {
		o.Version = randomID()
	} else if old, ok := version(tx, o.Bucket, o.Key, "null"); ok {
		blobs = remove(tx, old)
	}
	objects.Put(tx, o.row(), *o)
	return blobs
}

// randomID is a version or upload id: 32 characters, as S3's are.
func randomID() string {
	var raw [20]byte
	rand.Read(raw[:])
	return base32.StdEncoding.EncodeToString(raw[:])
}

// shownVersion is the x-amz-version-id of an object: absent in a bucket that
// never was versioned.
func (b *bucket) shownVersion(id string) *string {
	if b.Versioning == "" {
		return nil
	}
	return &id
}

func quote(etag string) *string { return new(`"` + etag + `"`) }

// str is the text a pointer leads to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// opt is a pointer to text, or nil for "".
func opt(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func num(p *int64, otherwise int64) int64 {
	if p == nil {
		return otherwise
	}
	return *p
}

func yes(p *bool) bool { return p != nil && *p }
