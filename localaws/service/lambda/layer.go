package lambda

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"

	"grocery/localaws/service/internal/page"
	"grocery/localaws/service/internal/ptr"
)

// layer is a zip file that functions find below /opt, in versions.
type layer struct {
	Name     string            `json:"name"`
	Region   string            `json:"region"`
	Next     int64             `json:"next"` // a number is never used twice
	Versions []layerVersionRow `json:"versions,omitempty"`
}

type layerVersionRow struct {
	Number        int64     `json:"number"`
	Created       time.Time `json:"created"`
	Description   string    `json:"description,omitempty"`
	License       string    `json:"license,omitempty"`
	Runtimes      []string  `json:"runtimes,omitempty"`
	Architectures []string  `json:"architectures,omitempty"`
	Code          code      `json:"code"`
}

var layers = store.Table[layer]{Name: "lambda_layers"}

func (l *layer) arn() string {
	return "arn:" + wire.Partition + ":lambda:" + l.Region + ":" + wire.Account + ":layer:" + l.Name
}

func (l *layer) versionARN(v *layerVersionRow) string {
	return l.arn() + ":" + strconv.FormatInt(v.Number, 10)
}

func (v *layerVersionRow) created() *string {
	return new(v.Created.Format("2006-01-02T15:04:05.000-0700"))
}

var layerForm = regexp.MustCompile(`^(?:arn:aws:lambda:([a-z0-9-]+):(\d{12}):layer:)?([A-Za-z0-9_-]{1,140})(?::([0-9]+))?$`)

// layerKey finds the key and version number in a layer's name or ARN.
func layerKey(ctx context.Context, id string) (key string, number int64, err error) {
	m := layerForm.FindStringSubmatch(id)
	c := wire.CallFrom(ctx)
	if m == nil || m[1] != "" && (m[1] != c.Region || m[2] != c.Account) {
		return "", 0, wire.Errorf(400, "ValidationException", "1 validation error detected: Value '%s' at 'layerName' failed to satisfy constraint: it must be the name or ARN of a layer in this account and region", id)
	}
	number, _ = strconv.ParseInt(m[4], 10, 64)
	return store.Key(c.Region, m[3]), number, nil
}

// layer finds a layer version by its ARN.
func (s *Service) layer(ctx context.Context, arn string) (l layer, v *layerVersionRow, err error) {
	key, number, err := layerKey(ctx, arn)
	if err != nil {
		return l, nil, err
	}
	return s.layerAt(key, number)
}

func (s *Service) layerAt(key string, number int64) (l layer, v *layerVersionRow, err error) {
	err = s.d.Store.View(func(tx store.Tx) error { l, _ = layers.Get(tx, key); return nil })
	if err != nil {
		return l, nil, err
	}
	i := slices.IndexFunc(l.Versions, func(v layerVersionRow) bool { return v.Number == number })
	if i < 0 {
		return l, nil, wire.Errorf(404, "ResourceNotFoundException", "The resource you requested does not exist.")
	}
	return l, &l.Versions[i], nil
}

// layerVersion finds a layer version by its ARN within a transaction.
func layerVersion(tx store.Tx, arn string) (layerVersionRow, bool) {
	m := layerForm.FindStringSubmatch(arn)
	if m == nil {
		return layerVersionRow{}, false
	}
	l, _ := layers.Get(tx, store.Key(m[1], m[3]))
	i := slices.IndexFunc(l.Versions, func(v layerVersionRow) bool { return strconv.FormatInt(v.Number, 10) == m[4] })
	if i < 0 {
		return layerVersionRow{}, false
	}
	return l.Versions[i], true
}

func (s *Service) publishLayerVersion(ctx context.Context, in *api.PublishLayerVersionInput) (*api.PublishLayerVersionOutput, error) {
	key, number, err := layerKey(ctx, *in.LayerName)
	if err == nil && number != 0 {
		err = wire.Errorf(400, invalidValue, "A new layer version's name has no number.")
	}
	if err != nil {
		return nil, err
	}
	c, err := s.take(ctx, in.Content.ZipFile, in.Content.S3Bucket, in.Content.S3Key, in.Content.S3ObjectVersion)
	if err != nil {
		return nil, err
	}
	out := &api.PublishLayerVersionOutput{}
	return out, s.d.Store.Update(func(tx store.Tx) error {
		l, ok := layers.Get(tx, key)
		if !ok {
			region, name, _ := strings.Cut(key, "/")
			l = layer{Name: name, Region: region}
		}
		l.Next++
		v := layerVersionRow{Number: l.Next, Created: s.d.Clock.Now(), Description: ptr.Val(in.Description), License: ptr.Val(in.LicenseInfo), Runtimes: in.CompatibleRuntimes, Architectures: in.CompatibleArchitectures, Code: c}
		l.Versions = append(l.Versions, v)
		layers.Put(tx, key, l)
		*out = api.PublishLayerVersionOutput(*l.shape(&v))
		return nil
	})
}

func (l *layer) shape(v *layerVersionRow) *api.GetLayerVersionResponse {
	return &api.GetLayerVersionResponse{LayerArn: new(l.arn()), LayerVersionArn: new(l.versionARN(v)), Version: &v.Number, CreatedDate: v.created(), Description: &v.Description, LicenseInfo: ptr.NonZero(v.License),
		CompatibleRuntimes: v.Runtimes, CompatibleArchitectures: v.Architectures, Content: &api.LayerVersionContentOutput{CodeSha256: &v.Code.SHA, CodeSize: &v.Code.Size}}
}

func (l *layer) item(v *layerVersionRow) api.LayerVersionsListItem {
	return api.LayerVersionsListItem{LayerVersionArn: new(l.versionARN(v)), Version: &v.Number, CreatedDate: v.created(), Description: &v.Description, LicenseInfo: ptr.NonZero(v.License), CompatibleRuntimes: v.Runtimes, CompatibleArchitectures: v.Architectures}
}

func (s *Service) getLayerVersion(ctx context.Context, in *api.GetLayerVersionInput) (*api.GetLayerVersionOutput, error) {
	key, _, err := layerKey(ctx, *in.LayerName)
	if err != nil {
		return nil, err
	}
	l, v, err := s.layerAt(key, *in.VersionNumber)
	if err != nil {
		return nil, err
	}
	return l.shape(v), nil
}

func (s *Service) getLayerVersionByArn(ctx context.Context, in *api.GetLayerVersionByArnInput) (*api.GetLayerVersionByArnOutput, error) {
	l, v, err := s.layer(ctx, *in.Arn)
	if err != nil {
		return nil, err
	}
	return l.shape(v), nil
}

// deleteLayerVersion removes a version; functions that use it keep it, as on
// AWS: its file stays until nothing names it.
func (s *Service) deleteLayerVersion(ctx context.Context, in *api.DeleteLayerVersionInput) (*api.DeleteLayerVersionOutput, error) {
	key, _, err := layerKey(ctx, *in.LayerName)
	if err != nil {
		return nil, err
	}
	return nil, s.d.Store.Update(func(tx store.Tx) error {
		if l, ok := layers.Get(tx, key); ok {
			l.Versions = slices.DeleteFunc(l.Versions, func(v layerVersionRow) bool { return v.Number == *in.VersionNumber })
			layers.Put(tx, key, l)
		}
		return nil
	})
}

func (v *layerVersionRow) fits(runtime, architecture *string) bool {
	return (runtime == nil || slices.Contains(v.Runtimes, *runtime)) && (architecture == nil || slices.Contains(v.Architectures, *architecture))
}

func (s *Service) listLayerVersions(ctx context.Context, in *api.ListLayerVersionsInput) (*api.ListLayerVersionsOutput, error) {
	key, _, err := layerKey(ctx, *in.LayerName)
	if err != nil {
		return nil, err
	}
	out := &api.ListLayerVersionsOutput{LayerVersions: []api.LayerVersionsListItem{}}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		l, _ := layers.Get(tx, key)
		all := slices.DeleteFunc(l.Versions, func(v layerVersionRow) bool { return !v.fits(in.CompatibleRuntime, in.CompatibleArchitecture) })
		slices.Reverse(all) // newest first
		all, out.NextMarker, err = cut(all, func(v layerVersionRow) string { return strconv.FormatInt(1<<40-v.Number, 10) }, in.Marker, in.MaxItems)
		for _, v := range all {
			out.LayerVersions = append(out.LayerVersions, l.item(&v))
		}
		return err
	})
}

func (s *Service) listLayers(ctx context.Context, in *api.ListLayersInput) (*api.ListLayersOutput, error) {
	out := &api.ListLayersOutput{Layers: []api.LayersListItem{}}
	return out, s.d.Store.View(func(tx store.Tx) (err error) {
		all := slices.DeleteFunc(layers.List(tx, wire.CallFrom(ctx).Region+"/"), func(l layer) bool {
			return !slices.ContainsFunc(l.Versions, func(v layerVersionRow) bool { return v.fits(in.CompatibleRuntime, in.CompatibleArchitecture) })
		})
		all, out.NextMarker, err = cut(all, func(l layer) string { return l.Name }, in.Marker, in.MaxItems)
		for _, l := range all {
			for i := len(l.Versions) - 1; i >= 0; i-- {
				if v := &l.Versions[i]; v.fits(in.CompatibleRuntime, in.CompatibleArchitecture) {
					out.Layers = append(out.Layers, api.LayersListItem{LayerName: &l.Name, LayerArn: new(l.arn()), LatestMatchingVersion: new(l.item(v))})
					break
				}
			}
		}
		return err
	})
}

// cut is page.Cut with Lambda's error and page size.
func cut[T any](all []T, key func(T) string, marker *string, limit *int64) ([]T, *string, error) {
	got, next, err := page.Cut(all, key, marker, limit, 50)
	if err != nil {
		return nil, nil, wire.Errorf(400, invalidValue, "The marker is not valid.")
	}
	return got, next, nil
}
