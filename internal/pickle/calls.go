package pickle

import "unicode/utf8"

// globalOf reads the two lines of a global's name.
func (l *loader) globalOf(valid func(string) bool) (ref, error) {
	module, err := l.line(1)
	if err != nil {
		return 0, err
	}
	name, err := l.line(1)
	if err != nil {
		return 0, err
	}
	if !valid(module) || !valid(name) {
		return 0, errText
	}
	return l.global(module, name), nil
}

func opGlobal(l *loader) error { return l.pushed(l.globalOf(utf8.ValidString)) }

func opStackGlobal(l *loader) error {
	name, err := l.pop()
	if err != nil {
		return err
	}
	module, err := l.pop()
	if err != nil {
		return err
	}
	if l.kind(name) != Str || l.kind(module) != Str {
		return errUnsupported
	}
	return l.push(l.global(l.text(l.node(module)), l.text(l.node(name))))
}

// global is find_class, without the finding.
func (l *loader) global(module, name string) ref {
	g := globalName{module, name}
	if l.protocol < 3 {
		g = python3(g)
	}
	l.names = grow(l.names, g)
	var f form
	if len(module) < 64 && len(name) < 64 { // who hashes longer names often has no time for anything else
		f = known[g]
	}
	return l.add(node{kind: Global, form: f, a: uint32(len(l.names) - 1)}) //nolint:gosec // bounded by maxInput
}

// python3 is the name that Python 3 has for one of Python 2 (NAME_MAPPING and IMPORT_MAPPING of Lib/_compat_pickle.py,
// 3.13), as far as names are known here.
func python3(g globalName) globalName {
	switch g.module {
	case "__builtin__":
		g.module = "builtins"
		if to := map[string]string{"unicode": "str", "long": "int", "unichr": "chr", "xrange": "range"}[g.name]; to != "" {
			g.name = to
		}
	case "copy_reg":
		g.module = "copyreg"
	}
	return g
}

// calling calls what is below the arguments; NEWOBJ calls no more than the __new__ of a class.
func calling(onlyNew bool) func(*loader) error {
	return func(l *loader) error {
		args, err := l.pop()
		if err != nil {
			return err
		}
		return l.callWith(args, onlyNew)
	}
}

func (l *loader) callWith(args ref, onlyNew bool) error {
	callable, err := l.pop()
	if err != nil {
		return err
	}
	return l.pushed(l.call(callable, args, onlyNew))
}

// newInst reads the name after the mark was taken, as in C.
func (l *loader) newInst(items []ref) (ref, error) {
	class, err := l.globalOf(isASCII)
	if err != nil {
		return 0, err
	}
	return l.instantiate(class, items)
}

func (l *loader) newObj(items []ref) (ref, error) {
	if len(items) == 0 {
		return 0, errUnderflow
	}
	return l.instantiate(items[0], items[1:])
}

// instantiate calls the class: without arguments, C's calls __new__ alone; of what is known here, the result is the
// same.
func (l *loader) instantiate(class ref, items []ref) (ref, error) {
	return l.call(class, l.addPooled(Tuple, items), false)
}

// opNewObjEx: keyword arguments are for no class that is known here.
func opNewObjEx(l *loader) error {
	keywords, err := l.pop()
	if err != nil {
		return err
	}
	if k := l.kind(keywords); k != Dict && k != OrderedDict && k != Opaque {
		return errUnsupported
	}
	args, err := l.pop()
	if err != nil {
		return err
	}
	if k := l.kind(keywords); k == Opaque || len(l.items(keywords)) > 0 {
		class, err := l.pop()
		if err != nil {
			return err
		}
		if k := l.kind(args); k != Tuple && k != Opaque {
			return errUnsupported
		}
		return l.pushOpaque(class)
	}
	return l.callWith(args, true)
}

// pushOpaque pushes what the class or function would make.
func (l *loader) pushOpaque(callable ref) error {
	if k := l.kind(callable); k != Global && k != Opaque {
		return errUnsupported
	}
	return l.push(l.opaqueOf(callable))
}

func (l *loader) opaqueOf(callable ref) ref {
	return l.add(node{kind: Opaque, a: l.node(callable).a})
}

// call is what calling makes, or creating without __init__ where onlyNew is true. Where nothing is known of what is
// called, or the arguments are not those that Python writes, it is an Opaque.
func (l *loader) call(callable, args ref, onlyNew bool) (ref, error) {
	argsKind := l.kind(args)
	if k := l.kind(callable); k != Global && k != Opaque || argsKind != Tuple && argsKind != Opaque {
		return 0, errUnsupported
	}
	n := l.node(callable)
	if n.kind == Opaque || n.form == 0 {
		return l.opaqueOf(callable), nil
	}
	c := constructors[n.form]
	if onlyNew && c.is == function {
		return 0, errUnsupported
	}
	items := l.items(args)
	lost := onlyNew && c.is == classWithInit && len(items) > 0
	if argsKind == Tuple && !lost {
		if r, ok := c.call(l, items); ok {
			return r, nil
		}
	}
	return l.opaqueOf(callable), nil
}

// opBuild is load_build: the state goes into the object by its __setstate__, or into its __dict__, which of plain data
// OrderedDicts alone have. Of the state of classes that are not known, and of attributes, nothing is kept.
func opBuild(l *loader) error {
	if len(l.stack)-2 < l.fence() {
		return errUnderflow
	}
	state := l.stack[len(l.stack)-1]
	l.stack = l.stack[:len(l.stack)-1]
	object := l.stack[len(l.stack)-1]
	k := l.kind(object)
	switch {
	case k == Opaque || k == UUID:
		l.buildUUID(object, state)
		return nil
	case l.absorbs(object):
		return nil
	}
	if items := l.items(state); l.kind(state) == Tuple && len(items) == 2 {
		if !l.isDict(items[1]) || len(l.items(items[1])) > 0 && (k != OrderedDict || !l.attributes(items[1])) {
			return errUnsupported
		}
		state = items[0]
	}
	if state == refNone || k == OrderedDict && (l.isDict(state) || l.kind(state) == Opaque) {
		return nil
	}
	return errUnsupported
}

// isDict is PyDict_Check.
func (l *loader) isDict(r ref) bool {
	k := l.kind(r)
	return k == Dict || k == OrderedDict
}

// attributes reports whether setattr would take all keys of a dict.
func (l *loader) attributes(r ref) bool {
	items := l.items(r)
	if !l.spend(len(items)) {
		return false
	}
	for i := 0; i < len(items); i += 2 {
		if l.kind(items[i]) != Str {
			return false
		}
	}
	return true
}

// buildUUID makes a UUID of what uuid.UUID has made, if the state is that of one, and an Opaque again if it is not
// (Lib/uuid.py, 3.13, __setstate__).
func (l *loader) buildUUID(object, state ref) {
	n := &l.nodes[object]
	class := n.a
	if n.kind == UUID {
		class = n.b
	}
	if l.names[class] != (globalName{"uuid", "UUID"}) {
		return
	}
	*n = node{kind: Opaque, a: class}
	if l.kind(state) != Dict || !l.spend(8*len(l.items(state))) {
		return
	}
	number := Object{l.document, state}.Lookup("int")
	if number.Type() != Int || len(number.long()) > 17 {
		return
	}
	if i := number.BigInt(); i.Sign() < 0 || i.BitLen() > 128 {
		return
	}
	*n = node{kind: UUID, a: uint32(number.r), b: class}
}
