package avatar_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"grocery/backend/avatar"
)

// quarters is a picture whose corners are red, green, blue and white, clockwise from the
// upper left.
func quarters(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{255, 0, 0, 255}
			switch {
			case x >= w/2 && y >= h/2:
				c = color.NRGBA{0, 0, 255, 255}
			case x >= w/2:
				c = color.NRGBA{0, 255, 0, 255}
			case y >= h/2:
				c = color.NRGBA{255, 255, 255, 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// corners reads a picture's corners as letters, clockwise from the upper left.
func corners(t *testing.T, p *avatar.Picture) string {
	t.Helper()
	img, kind, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil {
		t.Fatal(err)
	}
	if ext := map[string]string{"png": "png", "jpeg": "jpg"}[kind]; ext != p.Ext {
		t.Errorf("a %s is called %s", kind, p.Ext)
	}
	if b := img.Bounds(); b.Dx() != avatar.Size || b.Dy() != avatar.Size {
		t.Fatalf("bounds %v", b)
	}
	var s strings.Builder
	for _, at := range []image.Point{{40, 40}, {215, 40}, {215, 215}, {40, 215}} {
		r, g, b, _ := img.At(at.X, at.Y).RGBA()
		switch hi, lo := uint32(0xd000), uint32(0x3000); {
		case r > hi && g > hi && b > hi:
			s.WriteByte('W')
		case r > hi && g < lo && b < lo:
			s.WriteByte('R')
		case g > hi && r < lo && b < lo:
			s.WriteByte('G')
		case b > hi && r < lo && g < lo:
			s.WriteByte('B')
		default:
			s.WriteByte('?')
		}
	}
	return s.String()
}

func encoded(t testing.TB, kind string, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	var err error
	switch kind {
	case "png":
		err = png.Encode(&buf, img)
	case "jpeg":
		err = jpeg.Encode(&buf, img, &jpeg.Options{Quality: 95})
	case "gif":
		err = gif.Encode(&buf, img, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tiff is EXIF data with an orientation, and a secret in a tag after it.
func tiff(order binary.AppendByteOrder, orientation uint16) []byte {
	b := []byte("II*\x00")
	if order.String() == "BigEndian" {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 2)
	for _, e := range []struct{ tag, value uint16 }{{0x0112, orientation}, {0x8825, 1}} {
		b = order.AppendUint16(b, e.tag)
		b = order.AppendUint16(b, 3)
		b = order.AppendUint32(b, 1)
		b = order.AppendUint16(b, e.value)
		b = order.AppendUint16(b, 0)
	}
	return append(order.AppendUint32(b, 0), "52.5200N 13.4050E home"...)
}

func withJPEGExif(b, tiff []byte) []byte {
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return append(append(append([]byte{}, b[:2]...), append(segment, body...)...), b[2:]...)
}

func chunk(kind string, body []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	b = append(append(b, kind...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

// withPNGChunk puts a chunk behind the header.
func withPNGChunk(b []byte, kind string, body []byte) []byte {
	return append(append(append([]byte{}, b[:33]...), chunk(kind, body)...), b[33:]...)
}

func TestPicturesAreCutToTheirMiddle(t *testing.T) {
	for _, kind := range []string{"png", "jpeg", "gif"} {
		for _, size := range []image.Point{{256, 256}, {600, 300}, {300, 600}, {16, 16}, {1000, 999}} {
			p, err := avatar.Make(t.Context(), encoded(t, kind, quarters(size.X, size.Y)))
			if err != nil {
				t.Fatalf("%s %v: %v", kind, size, err)
			}
			if got := corners(t, p); got != "RGBW" {
				t.Errorf("%s %v: corners %s", kind, size, got)
			}
		}
	}
	if _, err := avatar.Make(t.Context(), encoded(t, "png", quarters(1, 1))); err != nil {
		t.Errorf("one pixel: %v", err)
	}
	if _, err := avatar.Make(t.Context(), encoded(t, "png", quarters(9000, 1))); err != nil {
		t.Errorf("a line: %v", err)
	}
}

// What an orientation means: where the first row and the first column are to be.
func TestOrientationIsAppliedAndMetadataIsGone(t *testing.T) {
	want := map[uint16]string{1: "RGBW", 2: "GRWB", 3: "BWRG", 4: "WBGR", 5: "RWBG", 6: "WRGB", 7: "BGRW", 8: "GBWR", 0: "RGBW", 9: "RGBW"}
	for orientation, corner := range want {
		for name, upload := range map[string][]byte{
			"JPEG, Intel":    withJPEGExif(encoded(t, "jpeg", quarters(400, 400)), tiff(binary.LittleEndian, orientation)),
			"JPEG, Motorola": withJPEGExif(encoded(t, "jpeg", quarters(400, 400)), tiff(binary.BigEndian, orientation)),
			"PNG":            withPNGChunk(encoded(t, "png", quarters(400, 400)), "eXIf", tiff(binary.BigEndian, orientation)),
		} {
			p, err := avatar.Make(t.Context(), upload)
			if err != nil {
				t.Fatalf("%s %d: %v", name, orientation, err)
			}
			if got := corners(t, p); got != corner {
				t.Errorf("%s, orientation %d: corners %s, want %s", name, orientation, got, corner)
			}
			for _, secret := range []string{"Exif", "eXIf", "home", "II*\x00", "MM\x00*"} {
				if bytes.Contains(p.Data, []byte(secret)) {
					t.Errorf("%s: the picture still holds %q", name, secret)
				}
			}
		}
	}
}

func TestWhatFollowsOrHidesInAPictureIsGone(t *testing.T) {
	html := "<script>alert(document.cookie)</script>"
	for name, upload := range map[string][]byte{
		"behind a PNG":       append(encoded(t, "png", quarters(64, 64)), html...),
		"in a PNG's comment": withPNGChunk(encoded(t, "png", quarters(64, 64)), "tEXt", []byte("Comment\x00"+html)),
		"behind a JPEG":      append(encoded(t, "jpeg", quarters(64, 64)), html...),
		"behind a GIF":       append(encoded(t, "gif", quarters(64, 64)), html...),
	} {
		p, err := avatar.Make(t.Context(), upload)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if bytes.Contains(p.Data, []byte("script")) {
			t.Errorf("%s: the page is still in the picture", name)
		}
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	pngFile := encoded(t, "png", quarters(64, 64))
	for name, tt := range map[string]struct {
		upload []byte
		want   error
	}{
		"an SVG":                        {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), avatar.ErrType},
		"a page":                        {[]byte(`<!doctype html><script>alert(1)</script>`), avatar.ErrType},
		"a page that begins like a PNG": {[]byte("\x89PNG\r\n\x1a\n<script>alert(1)</script>"), avatar.ErrType},
		"a page that begins like a GIF": {[]byte("GIF89a\x01\x00\x01\x00<script>alert(1)</script>"), avatar.ErrType},
		"a page that begins as a JPEG":  {[]byte("\xff\xd8\xff<script>alert(1)</script>"), avatar.ErrType},
		"half a PNG":                    {pngFile[:len(pngFile)/2], avatar.ErrType},
		"a WebP":                        {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), avatar.ErrType},
		"a TIFF":                        {tiff(binary.LittleEndian, 1), avatar.ErrType},
		"nothing":                       {nil, avatar.ErrType},
		"six megabytes":                 {append(pngFile, make([]byte, 6<<20)...), avatar.ErrSize},
	} {
		if _, err := avatar.Make(t.Context(), tt.upload); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// bomb is a PNG of a few kilobytes that is huge when decoded.
func bomb(t testing.TB, w, h, depth, colours int, interlaced byte) []byte {
	t.Helper()
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h))
	header = append(header, byte(depth), byte(colours), 0, 0, interlaced)
	var z bytes.Buffer
	zw := zlib.NewWriter(&z)
	zw.Write(make([]byte, 1<<20))
	zw.Close()
	return append(append(append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", header)...), chunk("IDAT", z.Bytes())...), chunk("IEND", nil)...)
}

func TestBombsAreRefusedBeforeTheyAreDecoded(t *testing.T) {
	large := withGIFSize(encoded(t, "gif", quarters(16, 16)), 65535, 65535)
	for name, tt := range map[string]struct {
		upload []byte
		want   error
	}{
		"30000 x 30000 PNG":                        {bomb(t, 30000, 30000, 8, 2, 0), avatar.ErrSides},
		"30000 x 30000 PNG of one bit, interlaced": {bomb(t, 30000, 30000, 1, 0, 1), avatar.ErrSides},
		"the largest PNG there can be":             {bomb(t, 1<<31-1, 1<<31-1, 16, 6, 0), avatar.ErrType},
		"65535 x 65535 GIF":                        {large, avatar.ErrSides},
		"40 megapixels of progressive JPEG":        {progressive(t, 6300, 6300), avatar.ErrSides},
		"40 megapixels of interlaced PNG, 16 bit":  {bomb(t, 6300, 6300, 16, 6, 1), avatar.ErrSides},
		"40 megapixels of interlaced PNG":          {bomb(t, 6300, 6300, 8, 2, 1), avatar.ErrSides},
		"40 megapixels of grey PNG, 16 bit":        {bomb(t, 6300, 6300, 16, 0, 0), avatar.ErrSides},
		"a PNG that is too large when it is cut":   {bomb(t, 5100, 5100, 16, 2, 0), avatar.ErrSides},
		"40 megapixels of JPEG in RGB":             {inRGB(encoded(t, "jpeg", quarters(16, 16)), 6300, 6300), avatar.ErrSides},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		_, err := avatar.Make(t.Context(), tt.upload)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 || took > 500*time.Millisecond {
			t.Errorf("%s: refused after %v and %d bytes", name, took, used)
		}
	}
}

func withGIFSize(b []byte, w, h uint16) []byte {
	b = append([]byte{}, b...)
	binary.LittleEndian.PutUint16(b[6:], w)
	binary.LittleEndian.PutUint16(b[8:], h)
	return b
}

// progressive is a JPEG that says of itself to be a progressive one, without
// subsampling, of a size.
func progressive(t testing.TB, w, h uint16) []byte {
	t.Helper()
	b := encoded(t, "jpeg", quarters(16, 16))
	i := bytes.Index(b, []byte{0xff, 0xc0})
	if i < 0 {
		t.Fatal("no frame")
	}
	b[i+1] = 0xc2
	binary.BigEndian.PutUint16(b[i+5:], h)
	binary.BigEndian.PutUint16(b[i+7:], w)
	b[i+11] = 0x11
	return b
}

// inRGB makes a JPEG one of a size that a marker of Adobe's, late among the segments,
// says to be of RGB.
func inRGB(b []byte, w, h uint16) []byte {
	frame := bytes.Index(b, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(b[frame+5:], h)
	binary.BigEndian.PutUint16(b[frame+7:], w)
	scan := bytes.Index(b, []byte{0xff, 0xda})
	return slices.Concat(b[:scan], []byte("\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"), b[scan:])
}

func TestWhoWaitsForATurnInVainIsTold(t *testing.T) {
	upload := encoded(t, "png", quarters(64, 64))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var err error
	for range 50 { // a free turn may win over the ended context
		if _, err = avatar.Make(ctx, upload); err != nil {
			break
		}
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := avatar.Make(t.Context(), upload); err != nil {
		t.Errorf("the turn is lost: %v", err)
	}
}

func TestAPhotographOfTheLargestSizeIsTaken(t *testing.T) {
	img := image.NewYCbCr(image.Rect(0, 0, 7300, 5400), image.YCbCrSubsampleRatio420) // 39.4 megapixels
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	upload := encoded(t, "jpeg", img)
	if len(upload) > avatar.MaxBytes {
		t.Fatalf("%d bytes", len(upload))
	}
	if _, err := avatar.Make(t.Context(), upload); err != nil {
		t.Error(err)
	}
}

func TestTheSamePictureOfTheSameOwnerHasTheSameName(t *testing.T) {
	upload := encoded(t, "png", quarters(300, 200))
	name := func(upload []byte, owner string) string {
		p, err := avatar.Make(t.Context(), upload)
		if err != nil {
			t.Fatal(err)
		}
		return p.Name(owner)
	}
	first := name(upload, "1")
	if again := name(upload, "1"); again != first {
		t.Errorf("%s and then %s", first, again)
	}
	if avatar.ContentType(first) != "image/png" {
		t.Errorf("%s is no name of a PNG", first)
	}
	if other := name(upload, "2"); other == first {
		t.Error("two owners share a name: one would remove the other's picture")
	}
	if other := name(encoded(t, "png", image.NewNRGBA(image.Rect(0, 0, 9, 9))), "1"); other == first {
		t.Error("another picture has the same name: browsers would show the old one")
	}
}

func FuzzMake(f *testing.F) {
	small := quarters(24, 16)
	for _, kind := range []string{"png", "jpeg", "gif"} {
		f.Add(encoded(f, kind, small))
	}
	f.Add(withJPEGExif(encoded(f, "jpeg", small), tiff(binary.LittleEndian, 6)))
	f.Add(withPNGChunk(encoded(f, "png", small), "eXIf", tiff(binary.BigEndian, 8)))
	f.Add(progressive(f, 32, 32))
	f.Add(bomb(f, 3000, 3000, 1, 0, 1))
	f.Fuzz(func(t *testing.T, upload []byte) {
		p, err := avatar.Make(t.Context(), upload)
		if err != nil {
			if !errors.Is(err, avatar.ErrType) && !errors.Is(err, avatar.ErrSides) && !errors.Is(err, avatar.ErrSize) {
				t.Fatal(err)
			}
			return
		}
		config, _, err := image.DecodeConfig(bytes.NewReader(p.Data))
		if err != nil || config.Width != avatar.Size || config.Height != avatar.Size {
			t.Fatalf("%v, %v", config, err)
		}
	})
}
