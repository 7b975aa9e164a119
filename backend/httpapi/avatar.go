package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	shop "grocery/backend"
	"grocery/backend/avatar"
)

const (
	// maxUpload is the largest request that brings a picture: the picture and what
	// surrounds it in a form, in bytes.
	maxUpload = avatar.MaxBytes + 64<<10
	// storeTimeout is how long the store of pictures may take.
	storeTimeout = 8 * time.Second
	// uploadTimeout is how long a client may take to send a picture: 5 MB at 700 kbit/s.
	uploadTimeout = time.Minute
	// answerTimeout is how long the answer to it may take then.
	answerTimeout = 2 * requestTimeout
	// uploadsAtOnce is how many pictures are received at a time: each takes up to
	// avatar.MaxBytes, and twice that while it comes.
	uploadsAtOnce = 4
)

// getAvatar sends the picture of a user; the default one for an unknown name, and while
// the store is away. A picture never changes under its name.
func (s *Server) getAvatar(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("filename")
	contentType, cache := avatar.ContentType(name), "public, max-age=31536000, immutable"
	picture, err := s.picture(r.Context(), name)
	if err != nil {
		picture, contentType, cache = avatar.Default(), "image/png", "public, max-age=300"
		if !errors.Is(err, avatar.ErrNotFound) {
			s.Log.WarnContext(r.Context(), "picture not readable", "error", err)
			cache = "no-store"
		}
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(picture)))
	h.Set("Cache-Control", cache)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the page may come from another host
	w.Write(picture)
	return nil
}

func (s *Server) picture(ctx context.Context, name string) ([]byte, error) {
	if s.Avatars == nil || avatar.ContentType(name) == "" {
		return nil, avatar.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return s.Avatars.Get(ctx, name)
}

// uploadAvatar is putAvatar for old clients.
func (s *Server) uploadAvatar(w http.ResponseWriter, r *http.Request, userID int64, upload []byte) error {
	url, err := s.takeAvatar(r.Context(), userID, upload)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"message": "Avatar uploaded successfully", "avatar_url": url})
	return nil
}

// putAvatar makes the uploaded picture the caller's.
func (s *Server) putAvatar(w http.ResponseWriter, r *http.Request, userID int64, upload []byte) error {
	url, err := s.takeAvatar(r.Context(), userID, upload)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"avatar_url": url})
	return nil
}

// deleteAvatar gives the caller the default picture.
func (s *Server) deleteAvatar(w http.ResponseWriter, r *http.Request, userID int64) error {
	if err := s.setAvatar(r.Context(), userID, shop.DefaultAvatar, nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// uploading serves a route to the bearer of a token who sends a picture. A few are
// received at a time. What is done before and after that has requestTimeout each.
func (s *Server) uploading(fn func(w http.ResponseWriter, r *http.Request, userID int64, upload []byte) error) http.HandlerFunc {
	return s.quick(func(w http.ResponseWriter, r *http.Request) error {
		r, leave, err := s.admitUpload(r)
		if err != nil {
			return err
		}
		defer leave()
		upload, err := readUpload(w, r)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		return fn(w, r.WithContext(ctx), identity(r).User.ID, upload)
	})
}

// admitUpload returns the request with who makes it once there is a place for what it
// brings; leave gives the place back.
func (s *Server) admitUpload(r *http.Request) (identified *http.Request, leave func(), err error) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	known, err := s.identify(r.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	if s.Avatars == nil {
		return nil, nil, &shop.Error{Code: shop.EUNAVAILABLE, Message: "Pictures cannot be uploaded here.", Err: errors.New("neither S3_BUCKET nor AVATAR_DIR is set")}
	}
	if wait, ok := s.uploads.take(accountKey(identity(known).User.ID)); !ok {
		return nil, nil, tooMany(wait)
	}
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, shop.Unavailable(fmt.Errorf("%d pictures are being uploaded: %w", uploadsAtOnce, ctx.Err()))
	}
	return withIdentity(r, identity(known)), func() { <-s.places }, nil
}

func (s *Server) takeAvatar(ctx context.Context, userID int64, upload []byte) (url string, err error) {
	picture, err := avatar.Make(ctx, upload)
	switch {
	case errors.Is(err, avatar.ErrType):
		return "", shop.Errorf(shop.EINVALID, "File type not allowed").Because("file_type").With("field", "file")
	case errors.Is(err, avatar.ErrSize):
		return "", errUploadSize
	case errors.Is(err, avatar.ErrSides):
		return "", shop.Errorf(shop.EINVALID, "The picture must have at most %d megapixels, and some kinds fewer", avatar.MaxPixels/1_000_000).Because("too_many_pixels").With("field", "file")
	case err != nil && ctx.Err() != nil:
		return "", shop.Unavailable(fmt.Errorf("make a picture: %w", err))
	case err != nil:
		return "", err
	}
	name := picture.Name(strconv.FormatInt(userID, 10))
	if err := s.setAvatar(ctx, userID, name, picture.Data); err != nil {
		return "", err
	}
	return avatarURL(name), nil
}

// setAvatar gives the user a picture, stores what it is unless that is nil, and removes
// the one before.
func (s *Server) setAvatar(ctx context.Context, userID int64, name string, picture []byte) error {
	before, err := s.Users.SetAvatar(ctx, userID, name, func() error {
		if picture == nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if err := s.Avatars.Put(ctx, name, picture); err != nil {
			return shop.Unavailable(err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if before != name {
		s.removePicture(ctx, userID, before)
	}
	return nil
}

// removePicture removes a picture that was the user's. If that fails it stays as
// litter, which is logged.
func (s *Server) removePicture(ctx context.Context, userID int64, name string) {
	if s.Avatars == nil || avatar.ContentType(name) == "" {
		return
	}
	err := s.Users.DropAvatar(ctx, userID, name, func() error {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		return s.Avatars.Delete(ctx, name)
	})
	if err != nil {
		s.Log.WarnContext(ctx, "picture not removed", "picture", name, "error", err)
	}
}

var errUploadSize = shop.Errorf(shop.ETOOLARGE, "The picture must be at most %d MB large", avatar.MaxBytes>>20).With("field", "file")

// readUpload returns the content of the form's field file. Its name and the type that
// the client calls it do not matter. The client has uploadTimeout, longer than others have
// for a request.
func readUpload(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	conn := http.NewResponseController(w)
	// A connection that knows no deadlines needs no longer ones.
	conn.SetReadDeadline(time.Now().Add(uploadTimeout))
	conn.SetWriteDeadline(time.Now().Add(uploadTimeout + answerTimeout))
	r.Body = http.MaxBytesReader(w, r.Body, maxUpload)
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errNoFile
	}
	for {
		part, err := form.NextPart()
		if err != nil {
			return nil, uploadError(err, errNoFile)
		}
		if part.FormName() != "file" {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(part, avatar.MaxBytes+1))
		switch {
		case err != nil:
			return nil, uploadError(err, shop.Errorf(shop.EINVALID, "The request body could not be read"))
		case len(b) > avatar.MaxBytes:
			return nil, errUploadSize
		case len(b) == 0:
			return nil, shop.Errorf(shop.EINVALID, "No selected file").Because("file_missing").With("field", "file")
		}
		return b, nil
	}
}

var errNoFile = shop.Errorf(shop.EINVALID, "No file part").Because("file_missing").With("field", "file")

func uploadError(err, otherwise error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errUploadSize
	}
	return otherwise
}
