package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	shop "grocery/backend"
)

// catalogueTimeout bounds the check whether the catalogue in memory is still true.
const catalogueTimeout = 5 * time.Second

// catalogueReuse is how long an answer of the database counts: less than a change needs
// to get to a shopper and back to another server. Under load it saves most questions, and
// as the next one is asked when half of the time is over, nobody waits for it.
const catalogueReuse = 5 * time.Millisecond

// catalogueCache keeps the catalogue as it is sent, built once per change. Every
// use asks the database for the version only, so that servers beside this one may
// change the catalogue too; uses at the same time share one question.
type catalogueCache struct {
	service shop.CatalogueService
	last    atomic.Pointer[answer] // to the last question
	turn    chan struct{}          // holds one token: guards the field below
	current *snapshot              // the last that was read
}

// answer is what came of one question.
type answer struct {
	asked time.Time // when it began
	*snapshot
	err error
}

// snapshot is one version of the catalogue, ready to be sent.
type snapshot struct {
	version  int64
	etag     string
	same     http.Header // of the answer to who has it already
	plain    content     // a bare array of every product
	zipped   content     // the same, compressed
	products map[int64]json.RawMessage
}

// content is a body with the headers of its answer.
type content struct {
	header http.Header
	body   []byte
}

// content returns one form of the catalogue's body.
func (s *snapshot) content(encoding string, body []byte) content {
	h := maps.Clone(s.same)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
	}
	return content{h, body}
}

func newCatalogueCache(service shop.CatalogueService) *catalogueCache {
	c := &catalogueCache{service: service, turn: make(chan struct{}, 1)}
	c.last.Store(&answer{})
	return c
}

// get returns the catalogue as it was at some moment after get was called, or at most
// catalogueReuse before. A change that this server has made is always in it.
func (c *catalogueCache) get(ctx context.Context) (*snapshot, error) {
	arrived := time.Now()
	if a := c.last.Load(); a.snapshot != nil && arrived.Sub(a.asked) < catalogueReuse && a.version >= c.service.CatalogueKnown() {
		if arrived.Sub(a.asked) > catalogueReuse/2 {
			c.askAhead(ctx)
		}
		return a.snapshot, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, shop.Unavailable(ctx.Err())
	}
	a := c.last.Load()
	if !a.asked.After(arrived) { // nobody asked while we waited for our turn
		a = c.ask(ctx)
		c.last.Store(a)
	}
	return a.snapshot, a.err
}

// askAhead asks the database in the background, unless somebody is asking.
func (c *catalogueCache) askAhead(ctx context.Context) {
	select {
	case c.turn <- struct{}{}:
		go func() {
			defer func() { <-c.turn }()
			c.last.Store(c.ask(ctx))
		}()
	default:
	}
}

// ask asks the database. Others wait for the answer too: it must not end with our
// client's patience.
func (c *catalogueCache) ask(ctx context.Context) *answer {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catalogueTimeout)
	defer cancel()
	a := &answer{asked: time.Now()}
	if a.err = c.refresh(ctx); a.err == nil {
		a.snapshot = c.current
	}
	return a
}

func (c *catalogueCache) refresh(ctx context.Context) error {
	version, err := c.service.CatalogueVersion(ctx)
	if err != nil {
		return err
	}
	if c.current != nil && c.current.version == version {
		return nil
	}
	catalogue, err := c.service.Catalogue(ctx)
	if err != nil {
		return err
	}
	next, err := newSnapshot(catalogue)
	if err != nil {
		return err
	}
	c.current = next
	return nil
}

func newSnapshot(c *shop.Catalogue) (*snapshot, error) {
	s := &snapshot{version: c.Version, products: make(map[int64]json.RawMessage, len(c.Products))}
	all := make([]json.RawMessage, len(c.Products))
	for i, p := range c.Products {
		b, err := json.Marshal(legacyProduct(p))
		if err != nil {
			return nil, fmt.Errorf("product %d: %w", p.ID, err)
		}
		all[i], s.products[p.ID] = b, b
	}
	plain, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	zip.Write(plain)
	if err := zip.Close(); err != nil {
		return nil, err
	}
	// Weak, because the compressed form has the same tag. Servers agree on it.
	sum := sha256.Sum256(plain)
	s.etag = `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	s.same = http.Header{
		"Etag":          {s.etag},
		"Cache-Control": {"no-cache"}, // keep it, but ask before use
		"Vary":          append(slices.Clone(protection["Vary"]), "Accept-Encoding"),
	}
	s.plain, s.zipped = s.content("", plain), s.content("gzip", buf.Bytes())
	return s, nil
}

// getProducts sends the whole catalogue, or 304 to a client that has it already.
func (s *Server) getProducts(w http.ResponseWriter, r *http.Request) error {
	catalogue, err := s.catalogue.get(r.Context())
	if err != nil {
		return err
	}
	if tag := r.Header.Get("If-None-Match"); tag != "" && etagMatches(tag, catalogue.etag) {
		maps.Copy(w.Header(), catalogue.same)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	content := &catalogue.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		content = &catalogue.zipped
	}
	maps.Copy(w.Header(), content.header)
	w.Write(content.body)
	return nil
}

// getProduct sends one product.
func (s *Server) getProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	catalogue, err := s.catalogue.get(r.Context())
	if err != nil {
		return err
	}
	product, ok := catalogue.products[id]
	if !ok {
		return shop.Errorf(shop.ENOTFOUND, "Product not found")
	}
	w.Header().Set("Cache-Control", "no-cache")
	writeJSON(w, http.StatusOK, product)
	return nil
}

// etagMatches implements If-None-Match with weak comparison, RFC 9110 section 13.1.2.
func etagMatches(header, etag string) bool {
	if strings.TrimSpace(header) == "*" {
		return true
	}
	for candidate := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(candidate), "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether Accept-Encoding names gzip and does not refuse it.
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		if !ok {
			return true
		}
		weight, err := strconv.ParseFloat(q, 64)
		return err != nil || weight > 0
	}
	return false
}
