package avatar

import (
	"image/color"
)

// bytesPerPixel returns at least what Go's decoders take for a pixel of a picture.
func bytesPerPixel(m color.Model, upload []byte) int64 {
	switch m {
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	case color.Gray16Model:
		return 2
	case color.GrayModel, color.YCbCrModel, color.CMYKModel:
		return jpegBytesPerPixel(upload)
	}
	if _, ok := m.(color.Palette); ok {
		return 1
	}
	return 4
}

// jpegBytesPerPixel returns what a JPEG takes: a byte a sample, and for a progressive
// one also its coefficients, of four bytes. CMYK is copied once more.
func jpegBytesPerPixel(b []byte) int64 {
	for marker, body := range jpegSegments(b) {
		switch marker {
		case 0xc0, 0xc1, 0xc2: // https://www.w3.org/Graphics/JPEG/itu-t81.pdf B.2.2
			if len(body) < 6 || len(body) < 6+3*int(body[5]) {
				return 20
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
			if components == 4 {
				n += 4
			}
			return n
		}
	}
	return 4 // not a JPEG: a PNG without colours
}
