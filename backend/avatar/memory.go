package avatar

import (
	"bytes"
	"image"
	"image/color"
)

// Places of the header of a PNG, https://www.w3.org/TR/png-3/#11IHDR
const (
	pngInterlace = 28 // where its interlace method stands
	pngHeader    = 33 // bytes, with the signature
)

// memory returns at least what making a picture of an upload takes, in bytes: what Go's
// decoders hold, and what the scaler does for each row of the middle.
func memory(c image.Config, upload []byte) int64 {
	pixels, side := int64(c.Width)*int64(c.Height), int64(min(c.Width, c.Height))
	const sample = 4 * 8 // the scaler's, of four floats
	return pixels*bytesPerPixel(c.ColorModel, upload) + Size*side*sample
}

// bytesPerPixel returns at least what Go's decoders take for a pixel of a picture. The
// model of a grey PNG does not tell whether a colour of it is transparent: then it is
// decoded with colours. The passes of an interlaced PNG are pictures beside the whole,
// together as large as that.
func bytesPerPixel(m color.Model, upload []byte) int64 {
	switch upload[0] {
	case 0xff:
		return jpegBytesPerPixel(upload)
	case 'G':
		return 2 // an interlaced GIF is put in order in a copy
	}
	n := int64(4)
	switch m {
	case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
		n = 8
	default:
		if _, ok := m.(color.Palette); ok {
			n = 1
		}
	}
	if len(upload) >= pngHeader && upload[pngInterlace] != 0 {
		n *= 2
	}
	return n
}

// jpegBytesPerPixel returns what a JPEG takes: a byte a sample, and for a progressive
// one also its coefficients, of four bytes. CMYK and RGB are copied once more.
func jpegBytesPerPixel(b []byte) int64 {
	const most = 24
	for marker, body := range jpegSegments(b) {
		switch marker {
		case 0xc0, 0xc1, 0xc2: // https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.2.2
			if len(body) < 6 || len(body) < 6+3*int(body[5]) {
				return most
			}
			components := int(body[5])
			samples, largest := 0, 1
			for i := range components {
				hv := body[6+3*i+1]
				n := int(hv>>4) * int(hv&15)
				samples += n
				largest = max(largest, n)
			}
			per := 1
			if marker == 0xc2 {
				per = 5
			}
			n := int64((samples*per + largest - 1) / largest)
			if components == 4 || components == 3 && maybeRGB(b, body) {
				n += 4
			}
			return n
		}
	}
	return most
}

// maybeRGB reports whether a JPEG of three components, described by its frame, is taken
// for RGB: they are called so, or a marker of Adobe's, which may come late, says so.
func maybeRGB(b, frame []byte) bool {
	const transform = 15 // where the marker has it; 0 is none
	if frame[6] == 'R' && frame[9] == 'G' && frame[12] == 'B' {
		return true
	}
	for {
		_, rest, ok := bytes.Cut(b, []byte{0xff, 0xee})
		if !ok {
			return false
		}
		if marker := b[len(b)-len(rest)-2:]; len(marker) > transform && string(marker[4:9]) == "Adobe" && marker[transform] == 0 {
			return true
		}
		b = rest
	}
}
