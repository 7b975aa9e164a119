package iam

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/iamapi"
)

// provider is an OpenID Connect provider: an issuer of web identities.
type provider struct {
	ARN         string
	URL         string // as the client wrote it, scheme included
	Clients     []string
	Thumbprints []string
	Created     time.Time
	Tags        []iamapi.Tag
}

var providers = store.Table[provider]{Name: "iam.providers"}

func (s *Service) registerProviders(r *wire.Registry) {
	wire.Handle(r, iamapi.CreateOpenIDConnectProvider, s.createProvider)
	wire.Handle(r, iamapi.GetOpenIDConnectProvider, s.getProvider)
	wire.Handle(r, iamapi.ListOpenIDConnectProviders, s.listProviders)
	wire.Handle(r, iamapi.DeleteOpenIDConnectProvider, s.deleteProvider)
	wire.Handle(r, iamapi.AddClientIDToOpenIDConnectProvider, s.addClient)
	wire.Handle(r, iamapi.RemoveClientIDFromOpenIDConnectProvider, s.removeClient)
	wire.Handle(r, iamapi.UpdateOpenIDConnectProviderThumbprint, s.updateThumbprint)
	wire.Handle(r, iamapi.TagOpenIDConnectProvider, s.tagProvider)
	wire.Handle(r, iamapi.UntagOpenIDConnectProvider, s.untagProvider)
	wire.Handle(r, iamapi.ListOpenIDConnectProviderTags, s.listProviderTags)
}

var thumbprint = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

func checkThumbprints(list []string) error {
	for _, t := range list {
		if !thumbprint.MatchString(t) {
			return invalid("A thumbprint must be 40 hexadecimal digits.")
		}
	}
	if len(list) > 5 {
		return invalid("Thumbprint list must contain fewer than 5 entries.")
	}
	return nil
}

func (s *Service) createProvider(_ context.Context, in *iamapi.CreateOpenIDConnectProviderInput) (*iamapi.CreateOpenIDConnectProviderOutput, error) {
	u, err := url.Parse(*in.Url)
	// AWS takes https only. An issuer on this machine may speak http: tests
	// and local pipelines run one on loopback.
	local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127."))
	if err != nil || u.Scheme != "https" && !local || u.Host == "" || u.RawQuery != "" {
		return nil, wire.Errorf(400, "InvalidInput", "Invalid Open ID Connect Provider URL")
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	p := provider{URL: strings.TrimSuffix(*in.Url, "/"), Clients: in.ClientIDList, Thumbprints: in.ThumbprintList, Created: s.d.Clock.Now()}
	p.ARN = arn("oidc-provider", "/", strings.TrimPrefix(strings.TrimPrefix(p.URL, "https://"), "http://"))
	if p.Tags, err = merge(nil, in.Tags); err != nil {
		return nil, err
	}
	if len(p.Thumbprints) == 0 {
		p.Thumbprints = []string{} // the issuer's certificate is verified when its keys are fetched
	}
	return &iamapi.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: &p.ARN, Tags: p.Tags}, s.d.Store.Update(func(tx store.Tx) error {
		if _, there := providers.Get(tx, p.ARN); there {
			return alreadyExists("Provider with url %s already exists.", *in.Url)
		}
		providers.Put(tx, p.ARN, p)
		return nil
	})
}

func findProvider(tx store.Tx, arn *string) (*provider, error) {
	p, ok := providers.Get(tx, ptr.Val(arn))
	if !ok {
		return nil, noSuchEntity("OpenIDConnect Provider not found for arn %s", ptr.Val(arn))
	}
	return &p, nil
}

func (s *Service) changeProvider(arn *string, f func(p *provider) error) error {
	return s.d.Store.Update(func(tx store.Tx) error {
		p, err := findProvider(tx, arn)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		providers.Put(tx, p.ARN, *p)
		return nil
	})
}

func (s *Service) getProvider(_ context.Context, in *iamapi.GetOpenIDConnectProviderInput) (out *iamapi.GetOpenIDConnectProviderOutput, err error) {
	err = s.d.Store.View(func(tx store.Tx) error {
		p, err := findProvider(tx, in.OpenIDConnectProviderArn)
		if err != nil {
			return err
		}
		shown := strings.TrimPrefix(p.URL, "https://") // AWS leaves the scheme out
		out = &iamapi.GetOpenIDConnectProviderOutput{Url: &shown, ClientIDList: p.Clients, ThumbprintList: p.Thumbprints, CreateDate: &p.Created, Tags: p.Tags}
		return nil
	})
	return out, err
}

func (s *Service) listProviders(context.Context, *iamapi.ListOpenIDConnectProvidersInput) (*iamapi.ListOpenIDConnectProvidersOutput, error) {
	out := &iamapi.ListOpenIDConnectProvidersOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		for _, p := range providers.List(tx, "") {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, iamapi.OpenIDConnectProviderListEntry{Arn: &p.ARN})
		}
		return nil
	})
}

// deleteProvider succeeds for an absent provider too, as on AWS.
func (s *Service) deleteProvider(_ context.Context, in *iamapi.DeleteOpenIDConnectProviderInput) (*iamapi.DeleteOpenIDConnectProviderOutput, error) {
	return nil, s.d.Store.Update(func(tx store.Tx) error { providers.Delete(tx, *in.OpenIDConnectProviderArn); return nil })
}

func (s *Service) addClient(_ context.Context, in *iamapi.AddClientIDToOpenIDConnectProviderInput) (*iamapi.AddClientIDToOpenIDConnectProviderOutput, error) {
	return nil, s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		if !slices.Contains(p.Clients, *in.ClientID) {
			p.Clients = append(p.Clients, *in.ClientID)
		}
		return nil
	})
}

func (s *Service) removeClient(_ context.Context, in *iamapi.RemoveClientIDFromOpenIDConnectProviderInput) (*iamapi.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	return nil, s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		p.Clients = slices.DeleteFunc(p.Clients, func(c string) bool { return c == *in.ClientID })
		return nil
	})
}

func (s *Service) updateThumbprint(_ context.Context, in *iamapi.UpdateOpenIDConnectProviderThumbprintInput) (*iamapi.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	return nil, s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error { p.Thumbprints = in.ThumbprintList; return nil })
}

func (s *Service) tagProvider(_ context.Context, in *iamapi.TagOpenIDConnectProviderInput) (*iamapi.TagOpenIDConnectProviderOutput, error) {
	return nil, s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) (err error) { p.Tags, err = merge(p.Tags, in.Tags); return err })
}

func (s *Service) untagProvider(_ context.Context, in *iamapi.UntagOpenIDConnectProviderInput) (*iamapi.UntagOpenIDConnectProviderOutput, error) {
	return nil, s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error { p.Tags = without(p.Tags, in.TagKeys); return nil })
}

func (s *Service) listProviderTags(_ context.Context, in *iamapi.ListOpenIDConnectProviderTagsInput) (*iamapi.ListOpenIDConnectProviderTagsOutput, error) {
	out := &iamapi.ListOpenIDConnectProviderTagsOutput{}
	return out, s.d.Store.View(func(tx store.Tx) error {
		p, err := findProvider(tx, in.OpenIDConnectProviderArn)
		if err != nil {
			return err
		}
		out.Tags, out.Marker, err = tagPage(p.Tags, in.Marker, in.MaxItems)
		out.IsTruncated = new(out.Marker != nil)
		return err
	})
}
