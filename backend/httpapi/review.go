package httpapi

import (
	"net/http"

	shop "grocery/backend"
)

type reviewRequest struct {
	AuthorName string `json:"author_name"`
	Rating     number `json:"rating"`
	Comment    string `json:"comment"`
}

func (r reviewRequest) input() shop.ReviewInput {
	return shop.ReviewInput{Rating: int(min(max(r.Rating, 0), shop.MaxRating+1)), Comment: r.Comment}
}

// addReview stores the caller's review of a product.
func (s *Server) addReview(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in reviewRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := s.Reviews.AddReview(r.Context(), userID, id, in.input()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Review added successfully"))
	return nil
}

// updateReview changes the caller's review of a product.
func (s *Server) updateReview(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in reviewRequest
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := s.isCaller(r, userID, in.AuthorName); err != nil {
		return err
	}
	if err := s.Reviews.UpdateReview(r.Context(), userID, id, in.input()); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Review updated successfully"))
	return nil
}

// removeReview removes the caller's review of a product.
func (s *Server) removeReview(w http.ResponseWriter, r *http.Request, userID int64) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	var in reviewRequest
	if r.ContentLength != 0 {
		if err := decode(w, r, &in); err != nil {
			return err
		}
	}
	if err := s.isCaller(r, userID, in.AuthorName); err != nil {
		return err
	}
	if err := s.Reviews.RemoveReview(r.Context(), userID, id); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, message("Review deleted successfully"))
	return nil
}

// isCaller refuses a request that names somebody else as the author. Naming nobody
// is fine: the review that is changed is the caller's in any case.
func (s *Server) isCaller(r *http.Request, userID int64, author string) error {
	if author == "" {
		return nil
	}
	user, err := s.Users.UserByID(r.Context(), userID)
	if err != nil {
		return err
	}
	if user.Username != author {
		return shop.Errorf(shop.EFORBIDDEN, "You can change your own reviews only")
	}
	return nil
}

// getReviewers sends the users who have written reviews, for the pictures beside
// them. Nothing else about them is given away.
func (s *Server) getReviewers(w http.ResponseWriter, r *http.Request, _ int64) error {
	reviewers, err := s.Reviews.Reviewers(r.Context())
	if err != nil {
		return err
	}
	out := make([]reviewerJSON, len(reviewers))
	for i, v := range reviewers {
		out[i] = reviewerJSON{v.Username, avatarURL(v.Avatar)}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}
