//go:build bench

package sidebyside

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// figure is a picture of one or more panels, one below the other.
type figure struct {
	title, desc string
	panels      []panel
}

// panel has two axes, and lines between them. An axis that is not logarithmic begins at zero.
type panel struct {
	title, x, y string
	xLog, yLog  bool
	xTicks      []float64 // nil: where they are round
	lines       []line
}

// line has its label at its end.
type line struct {
	label  string
	color  int
	dashed bool
	bare   bool // nothing was measured here
	points []point
}

type point struct{ x, y float64 }

const (
	svgWidth    = 820
	panelHeight = 310
	panelTop    = 70 // of the first
	plotLeft    = 66
	plotRight   = 590
	plotHeight  = 220
	labelHeight = 14
)

// colors can be told apart by those who see fewer, and read on white.
var colors = []string{"#0b62a4", "#b8470a", "#00704d", "#8a3b75", "#555555"}

// svg draws the figure. The note is what it is to be read with.
func (f figure) svg(note string) string {
	var b strings.Builder
	notes := wrap(note, 130)
	height := panelTop + len(f.panels)*panelHeight + len(notes)*labelHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-labelledby="t d" `+
		`font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="#222">`+"\n", svgWidth, height)
	fmt.Fprintf(&b, `<title id="t">%s</title>`+"\n"+`<desc id="d">%s</desc>`+"\n", escape(f.title), escape(f.desc))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", svgWidth, height)
	text(&b, plotLeft, 24, `font-size="16" font-weight="bold"`, f.title)
	for i, p := range f.panels {
		p.draw(&b, float64(panelTop+i*panelHeight))
	}
	for i, n := range notes {
		text(&b, 16, float64(height-10-(len(notes)-1-i)*labelHeight), `font-size="11" fill="#555"`, n)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// wrap breaks a text into lines.
func wrap(s string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(s) {
		last := &lines[len(lines)-1]
		if len(*last)+1+len(word) > width {
			lines = append(lines, word)
			continue
		}
		*last = strings.TrimSpace(*last + " " + word)
	}
	return lines
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func text(b *strings.Builder, x, y float64, attributes, s string) {
	fmt.Fprintf(b, `<text x="%s" y="%s" %s>%s</text>`+"\n", short(x), short(y), attributes, escape(s))
}

// short is a coordinate.
func short(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// axis is a range of values, and where they are.
type axis struct {
	low, high float64
	log       bool
	from, to  float64 // pixels
	ticks     []float64
}

func newAxis(values []float64, log bool, from, to float64, ticks []float64) axis {
	a := axis{low: slices.Min(values), high: slices.Max(values), log: log, from: from, to: to, ticks: ticks}
	if log {
		if ticks == nil {
			a.ticks = a.decades()
		}
	} else {
		a.low, a.high = min(a.low, 0), cmp.Or(max(a.high, 0), 1)
		step := niceStep(a.high)
		if ticks == nil {
			for n := 0; n == 0 || float64(n-1)*step < a.high*0.999; n++ {
				a.ticks = append(a.ticks, float64(n)*step)
			}
		}
	}
	a.low, a.high = min(a.low, slices.Min(a.ticks)), max(a.high, slices.Max(a.ticks))
	if a.low == a.high {
		a.high = 2 * a.low
	}
	return a
}

// niceStep divides up to high into four to eight parts.
func niceStep(high float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(high)))
	for _, part := range []float64{0.1, 0.2, 0.25, 0.5, 1, 2} {
		if high/(part*power) <= 8 {
			return part * power
		}
	}
	return 2 * power
}

// decades are 1, 10, 100 around the values, and 2 and 5 of each where there would be few.
func (a *axis) decades() []float64 {
	digits := []float64{1}
	if a.high/a.low < 150 {
		digits = []float64{1, 2, 5}
	}
	var all []float64
	for e := math.Floor(math.Log10(a.low)); e <= math.Ceil(math.Log10(a.high)); e++ {
		for _, d := range digits {
			all = append(all, d*math.Pow(10, e))
		}
	}
	first, last := 0, len(all)-1
	for first < last && all[first+1] <= a.low {
		first++
	}
	for last > first && all[last-1] >= a.high {
		last--
	}
	return all[first : last+1]
}

func (a *axis) at(v float64) float64 {
	part := (v - a.low) / (a.high - a.low)
	if a.log {
		part = math.Log(v/a.low) / math.Log(a.high/a.low)
	}
	return a.from + part*(a.to-a.from)
}

// human is a number as a tick has it.
func human(v float64) string {
	digits := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	switch {
	case v >= 1e6:
		return digits(v/1e6) + "M"
	case v >= 1e3:
		return digits(v/1e3) + "k"
	default:
		return digits(v)
	}
}

func (p panel) draw(b *strings.Builder, top float64) {
	var xs, ys []float64
	for _, l := range p.lines {
		for _, at := range l.points {
			xs, ys = append(xs, at.x), append(ys, at.y)
		}
	}
	bottom := top + plotHeight
	x, y := newAxis(xs, p.xLog, plotLeft, plotRight, p.xTicks), newAxis(ys, p.yLog, bottom, top, nil)
	text(b, plotLeft, top-12, `font-weight="bold"`, p.title)
	for _, v := range y.ticks {
		fmt.Fprintf(b, `<path d="M%d %sH%d" stroke="#ddd"/>`+"\n", plotLeft, short(y.at(v)), plotRight)
		text(b, plotLeft-8, y.at(v)+4, `text-anchor="end"`, human(v))
	}
	for _, v := range x.ticks {
		fmt.Fprintf(b, `<path d="M%s %sv5" stroke="#222"/>`+"\n", short(x.at(v)), short(bottom))
		text(b, x.at(v), bottom+19, `text-anchor="middle"`, human(v))
	}
	fmt.Fprintf(b, `<path d="M%d %sV%sH%d" fill="none" stroke="#222"/>`+"\n", plotLeft, short(top), short(bottom), plotRight)
	text(b, (plotLeft+plotRight)/2, bottom+38, `text-anchor="middle"`, p.x)
	middle := short(top + plotHeight/2)
	text(b, 16, top+plotHeight/2, fmt.Sprintf(`text-anchor="middle" transform="rotate(-90 16 %s)"`, middle), p.y)
	for _, l := range p.lines {
		l.draw(b, x, y)
	}
	p.labels(b, y, top)
}

func (l line) draw(b *strings.Builder, x, y axis) {
	var path, dots strings.Builder
	for i, at := range l.points {
		fmt.Fprintf(&path, "%c%s %s", "ML"[min(i, 1)], short(x.at(at.x)), short(y.at(at.y)))
		fmt.Fprintf(&dots, "M%s %sh0", short(x.at(at.x)), short(y.at(at.y)))
	}
	dash := ""
	if l.dashed {
		dash = ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"%s/>`+"\n", path.String(), colors[l.color], dash)
	if len(l.points) <= 20 && !l.bare { // more would hide the line
		fmt.Fprintf(b, `<path d="%s" stroke="%s" stroke-width="6" stroke-linecap="round"/>`+"\n", dots.String(), colors[l.color])
	}
}

// labels are at the ends of the lines, and moved until none is upon another.
func (p panel) labels(b *strings.Builder, y axis, top float64) {
	type label struct {
		line
		y float64
	}
	var all []label
	for _, l := range p.lines {
		if l.label != "" {
			all = append(all, label{l, y.at(l.points[len(l.points)-1].y)})
		}
	}
	slices.SortStableFunc(all, func(a, b label) int { return cmp.Compare(a.y, b.y) })
	for i := range all {
		if i > 0 {
			all[i].y = max(all[i].y, all[i-1].y+labelHeight)
		}
	}
	for limit, i := top+plotHeight, len(all)-1; i >= 0; i-- {
		all[i].y = min(all[i].y, limit)
		limit = all[i].y - labelHeight
	}
	for _, l := range all {
		text(b, plotRight+10, l.y+4, fmt.Sprintf(`fill="%s"`, colors[l.color]), l.label)
	}
}
