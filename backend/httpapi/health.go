package httpapi

import (
	"errors"
	"net/http"

	"grocery/backend/api"

	shop "grocery/backend"
)

// getHealth says that this process serves. It never asks the database: a database
// that is away must not make a load balancer replace every server.
func (s *Server) getHealth(w http.ResponseWriter, _ *http.Request) error {
	state := s.Database.State()
	writeJSON(w, http.StatusOK, map[string]string{
		"status":   "OK",
		"message":  "The shop is running",
		"version":  s.Version,
		"database": state.Primary,
		"replica":  state.Replica,
	})
	return nil
}

// getReady says whether the shop can sell now: it asks the primary database.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) error {
	if s.closing.Load() {
		return shop.Unavailable(errors.New("the server is shutting down"))
	}
	if err := s.Database.Ready(r.Context()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "OK"})
	return nil
}

// getOpenAPI serves the description of this API.
func (s *Server) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Cache-Control", "no-cache")
	w.Write(api.OpenAPI)
	return nil
}
