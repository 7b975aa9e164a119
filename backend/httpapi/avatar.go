package httpapi

import (
	"net/http"
	"strconv"

	"grocery/backend/avatar"
)

// getAvatar sends the picture of a user. Every user has the default one so far.
func (s *Server) getAvatar(w http.ResponseWriter, _ *http.Request) error {
	picture := avatar.Default()
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(picture)))
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the page may come from another host
	w.Write(picture)
	return nil
}
