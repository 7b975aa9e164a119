package avatar

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime/debug"

	"golang.org/x/image/draw"
)

// Bounds of what is taken and made.
const (
	MaxBytes  = 5 << 20    // of an upload
	MaxPixels = 40_000_000 // of an upload
	Size      = 256        // pixels, width and height of what is made

	// maxMemory is what making one picture may take, in bytes: the container has 512 MiB,
	// for uploads that wait and all the rest too. Only pictures of uncommon kinds, such as
	// progressive JPEGs and PNGs of 16 bits, reach it before they reach MaxPixels.
	maxMemory = 208 << 20
	// largeMemory is the size of a decoded picture that is given back to the system at
	// once, in bytes.
	largeMemory = 16 << 20
	jpegQuality = 88
)

// Refusals of an upload.
var (
	ErrType  = errors.New("not a PNG, JPEG or GIF picture")
	ErrSize  = fmt.Errorf("larger than %d MB", MaxBytes>>20)
	ErrSides = fmt.Errorf("more than %d megapixels", MaxPixels/1_000_000)
)

// Picture is an encoded image.
type Picture struct {
	Data []byte
	Ext  string // png or jpg
}

// Name returns what the picture is stored under: the hash of its owner and content. The
// same picture of the same owner has always the same name, and no other has it.
func (p *Picture) Name(owner string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s ", len(owner), owner)
	h.Write(p.Data)
	return hex.EncodeToString(h.Sum(nil)[:16]) + "." + p.Ext
}

// format is a kind of picture that is taken, known by how its bytes begin.
type format struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	{"GIF87a", gif.DecodeConfig, gif.Decode},
	{"GIF89a", gif.DecodeConfig, gif.Decode},
}

// turn lets one picture be made at a time: each may take maxMemory.
var turn = make(chan struct{}, 1)

// Make returns the picture that is made of an upload: its middle, Size pixels wide and
// high, upright as its EXIF data says, and without metadata. What kind of picture it is
// is read from its content alone. Size and kind are checked before the pixels are
// decoded. The error is ErrType, ErrSize or ErrSides, or the context's when it ends
// before others are done.
func Make(ctx context.Context, upload []byte) (*Picture, error) {
	if len(upload) > MaxBytes {
		return nil, ErrSize
	}
	for _, f := range formats {
		if bytes.HasPrefix(upload, []byte(f.magic)) {
			return f.make(ctx, upload)
		}
	}
	return nil, ErrType
}

func (f *format) make(ctx context.Context, upload []byte) (*Picture, error) {
	config, err := f.config(bytes.NewReader(upload))
	if err != nil || config.Width < 1 || config.Height < 1 {
		return nil, ErrType
	}
	if int64(config.Width)*int64(config.Height) > MaxPixels {
		return nil, ErrSides
	}
	needed := memory(config, upload)
	if needed > maxMemory {
		return nil, ErrSides
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-turn }()
	if needed > largeMemory {
		defer debug.FreeOSMemory()
	}
	src, err := f.decode(bytes.NewReader(upload))
	if err != nil {
		return nil, ErrType
	}
	return encode(upright(cover(src), orientation(upload)), f.magic[0] == 0xff)
}

// cover scales the middle of a picture to Size.
func cover(src image.Image) *image.NRGBA {
	b := src.Bounds()
	side := min(b.Dx(), b.Dy())
	middle := image.Rect(0, 0, side, side).Add(b.Min).Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	dst := image.NewNRGBA(image.Rect(0, 0, Size, Size))
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, middle, draw.Src, nil)
	return dst
}

// encode writes photographs as JPEG and everything else as PNG.
func encode(img *image.NRGBA, photograph bool) (*Picture, error) {
	var buf bytes.Buffer
	if photograph {
		if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
			return nil, fmt.Errorf("encode JPEG: %w", err)
		}
		return &Picture{buf.Bytes(), "jpg"}, nil
	}
	if err := png.Encode(&buf, img); err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	return &Picture{buf.Bytes(), "png"}, nil
}
