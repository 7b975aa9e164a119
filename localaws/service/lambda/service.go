package lambda

import (
	"log/slog"
	"sync"
	"time"

	"grocery/localaws/reconcile"
	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/strict"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/lambdaapi"
)

// Deps is what the service needs.
type Deps struct {
	Store store.Store
	Blobs *store.Blobs // code of functions and layers
	Clock store.Clock
	Calls *wire.Registry // S3 for code, EC2 for interfaces, IAM and STS for roles, Logs for output
	Log   *slog.Logger
	// Runtime runs the functions, in containers of Image: any Debian image with
	// setpriv and ca-certificates.
	Runtime runtime.Runtime
	Image   string
	// CA is the certificate of the cloud's authority, in PEM; functions trust it.
	CA []byte
}

// Service serves Lambda.
type Service struct {
	d Deps

	mu        sync.Mutex
	api       *runtimeAPI         // while any sandbox runs
	sandboxes map[string]*sandbox // by name
}

// New makes the service.
func New(d Deps) *Service {
	return &Service{d: d, sandboxes: map[string]*sandbox{}}
}

// invalidValue is AWS's code for a parameter it does not take.
const invalidValue = "InvalidParameterValueException"

// Register puts the service's operations into r.
func (s *Service) Register(r *wire.Registry) {
	const all = strict.All
	strict.Handle(r, api.AddPermission, invalidValue, "Action FunctionName Principal SourceAccount SourceArn StatementId", s.addPermission)
	strict.Handle(r, api.CreateFunction, invalidValue, "Architectures Code DeadLetterConfig Description Environment EphemeralStorage FunctionName Handler KMSKeyArn Layers LoggingConfig MemorySize PackageType Publish Role Runtime SnapStart Tags Timeout TracingConfig VpcConfig", s.createFunction)
	strict.Handle(r, api.DeleteFunction, invalidValue, all, s.deleteFunction)
	strict.Handle(r, api.DeleteFunctionConcurrency, invalidValue, all, s.deleteFunctionConcurrency)
	strict.Handle(r, api.DeleteFunctionEventInvokeConfig, invalidValue, all, s.deleteFunctionEventInvokeConfig)
	strict.Handle(r, api.DeleteLayerVersion, invalidValue, all, s.deleteLayerVersion)
	strict.Handle(r, api.GetFunction, invalidValue, all, s.getFunction)
	strict.Handle(r, api.GetFunctionCodeSigningConfig, invalidValue, all, s.getFunctionCodeSigningConfig)
	strict.Handle(r, api.GetFunctionConcurrency, invalidValue, all, s.getFunctionConcurrency)
	strict.Handle(r, api.GetFunctionConfiguration, invalidValue, all, s.getFunctionConfiguration)
	strict.Handle(r, api.GetFunctionEventInvokeConfig, invalidValue, all, s.getFunctionEventInvokeConfig)
	strict.Handle(r, api.GetLayerVersion, invalidValue, all, s.getLayerVersion)
	strict.Handle(r, api.GetLayerVersionByArn, invalidValue, all, s.getLayerVersionByArn)
	strict.Handle(r, api.GetPolicy, invalidValue, "FunctionName", s.getPolicy)
	strict.Handle(r, api.Invoke, invalidValue, "FunctionName InvocationType LogType Payload Qualifier ClientContext", s.invoke)
	strict.Handle(r, api.ListFunctionEventInvokeConfigs, invalidValue, all, s.listFunctionEventInvokeConfigs)
	strict.Handle(r, api.ListFunctions, invalidValue, "FunctionVersion Marker MaxItems", s.listFunctions)
	strict.Handle(r, api.ListLayerVersions, invalidValue, all, s.listLayerVersions)
	strict.Handle(r, api.ListLayers, invalidValue, all, s.listLayers)
	strict.Handle(r, api.ListTags, invalidValue, all, s.listTags)
	strict.Handle(r, api.ListVersionsByFunction, invalidValue, all, s.listVersionsByFunction)
	strict.Handle(r, api.PublishLayerVersion, invalidValue, all, s.publishLayerVersion)
	strict.Handle(r, api.PublishVersion, invalidValue, all, s.publishVersion)
	strict.Handle(r, api.PutFunctionConcurrency, invalidValue, all, s.putFunctionConcurrency)
	strict.Handle(r, api.PutFunctionEventInvokeConfig, invalidValue, all, s.putFunctionEventInvokeConfig)
	strict.Handle(r, api.RemovePermission, invalidValue, "FunctionName RevisionId StatementId", s.removePermission)
	strict.Handle(r, api.TagResource, invalidValue, all, s.tagResource)
	strict.Handle(r, api.UntagResource, invalidValue, all, s.untagResource)
	strict.Handle(r, api.UpdateFunctionCode, invalidValue, "Architectures DryRun FunctionName Publish RevisionId S3Bucket S3Key S3ObjectVersion ZipFile", s.updateFunctionCode)
	strict.Handle(r, api.UpdateFunctionConfiguration, invalidValue, "DeadLetterConfig Description Environment EphemeralStorage FunctionName Handler KMSKeyArn Layers LoggingConfig MemorySize RevisionId Role Runtime SnapStart Timeout TracingConfig VpcConfig", s.updateFunctionConfiguration)
	strict.Handle(r, api.UpdateFunctionEventInvokeConfig, invalidValue, all, s.updateFunctionEventInvokeConfig)
}

// Loops returns the reconcilers.
func (s *Service) Loops() []reconcile.Loop {
	return []reconcile.Loop{
		{Name: "lambda-sandboxes", Tables: []string{functions.Name}, Every: 20 * time.Second, Run: s.reap},
		{Name: "lambda-async", Tables: []string{queue.Name}, Every: 5 * time.Second, Run: s.drain},
	}
}

// Sweep removes code that nothing names any more. It runs at start, before
// anything writes.
func (s *Service) Sweep() error {
	used := map[string]bool{}
	err := s.d.Store.View(func(tx store.Tx) error {
		for _, f := range functions.List(tx, "") {
			used[f.Code.Blob] = true
			for _, v := range f.Versions {
				used[v.Code.Blob] = true
			}
		}
		for _, l := range layers.List(tx, "") {
			for _, v := range l.Versions {
				used[v.Code.Blob] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.d.Blobs.Sweep(func(id string) bool { return used[id] })
}
