package avatar

import (
	"bytes"
	"encoding/binary"
	"image"
	"iter"
)

// orientation returns how a picture has to be turned to stand upright, 1 to 8 as in
// EXIF's tag 0x0112 (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf 4.6.4). It is 1,
// upright, when nothing readable says otherwise.
func orientation(upload []byte) int {
	if bytes.HasPrefix(upload, []byte("\x89PNG")) {
		return tiffOrientation(pngChunk(upload, "eXIf"))
	}
	for marker, body := range jpegSegments(upload) {
		if tiff, ok := bytes.CutPrefix(body, []byte("Exif\x00\x00")); ok && marker == 0xe1 {
			return tiffOrientation(tiff)
		}
	}
	return 1
}

// jpegSegments yields the marked segments before a JPEG's first scan.
func jpegSegments(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		if len(b) < 2 || b[0] != 0xff || b[1] != 0xd8 {
			return
		}
		for b = b[2:]; len(b) >= 4; {
			if b[0] != 0xff { // between segments decoders pass over what is no marker
				b = b[1:]
				continue
			}
			marker := b[1]
			if marker == 0xff { // filling
				b = b[1:]
				continue
			}
			if marker == 0 || marker == 1 || marker >= 0xd0 && marker <= 0xd8 { // without a body
				b = b[2:]
				continue
			}
			n := int(binary.BigEndian.Uint16(b[2:]))
			if marker == 0xda || marker == 0xd9 || n < 2 || len(b) < 2+n {
				return
			}
			if !yield(marker, b[4:2+n]) {
				return
			}
			b = b[2+n:]
		}
	}
}

// pngChunk returns the content of a PNG's first chunk of a kind.
func pngChunk(b []byte, kind string) []byte {
	for b = b[min(8, len(b)):]; len(b) >= 12; {
		n := binary.BigEndian.Uint32(b)
		if uint64(len(b)) < 12+uint64(n) {
			return nil
		}
		if string(b[4:8]) == kind {
			return b[8 : 8+n]
		}
		b = b[12+n:]
	}
	return nil
}

// tiffOrientation reads the orientation of the first directory of EXIF data.
func tiffOrientation(b []byte) int {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(b, []byte("II*\x00")):
	case bytes.HasPrefix(b, []byte("MM\x00*")):
		order = binary.BigEndian
	default:
		return 1
	}
	if len(b) < 8 {
		return 1
	}
	at := uint64(order.Uint32(b[4:]))
	if at+2 > uint64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if v := order.Uint16(entries[8:]); v >= 1 && v <= 8 {
				return int(v)
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors a square picture as its orientation says.
func upright(src *image.NRGBA, orientation int) *image.NRGBA {
	if orientation == 1 {
		return src
	}
	n := src.Rect.Dx()
	dst := image.NewNRGBA(src.Rect)
	for y := range n {
		for x := range n {
			sx, sy := x, y // where the pixel that belongs at x, y is
			if orientation >= 5 {
				sx, sy = y, x
			}
			switch orientation {
			case 2:
				sx = n - 1 - sx
			case 3:
				sx, sy = n-1-sx, n-1-sy
			case 4:
				sy = n - 1 - sy
			case 6:
				sy = n - 1 - sy
			case 7:
				sx, sy = n-1-sx, n-1-sy
			case 8:
				sx = n - 1 - sx
			}
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return dst
}
