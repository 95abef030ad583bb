package pickle

import "hash/maphash"

// largeContainer is the number of members from which on a search through all takes longer than an index.
const largeContainer = 8

func empty(k Type) func(*loader) error {
	return func(l *loader) error { return l.push(l.add(node{kind: k})) }
}

func tuple(length int) func(*loader) error {
	return func(l *loader) error {
		start := len(l.stack) - length
		if start < l.fence() {
			return errUnderflow
		}
		r := l.addPooled(Tuple, l.stack[start:])
		l.stack = l.stack[:start]
		return l.push(r)
	}
}

// marked makes a value of what is above the mark.
func marked(newValue func(*loader, []ref) (ref, error)) func(*loader) error {
	return func(l *loader) error {
		items, err := l.popMark()
		if err != nil {
			return err
		}
		return l.pushed(newValue(l, items))
	}
}

func (l *loader) newTuple(items []ref) (ref, error) { return l.addPooled(Tuple, items), nil }

func (l *loader) newList(items []ref) (ref, error) {
	r := l.add(node{kind: List})
	if len(items) > 0 {
		c := l.container(r)
		c.items = append(c.items, items...)
	}
	return r, nil
}

func (l *loader) newDict(items []ref) (ref, error) {
	if len(items)%2 != 0 {
		return 0, errOdd
	}
	r := l.add(node{kind: Dict})
	return r, l.setItems(r, items)
}

func (l *loader) newFrozenSet(items []ref) (ref, error) {
	var c container
	if err := l.addMembers(&c, items); err != nil {
		return 0, err
	}
	return l.addPooled(FrozenSet, c.items), nil
}

func (l *loader) newSet(items []ref) (ref, error) {
	r := l.add(node{kind: Set})
	if len(items) == 0 {
		return r, nil
	}
	return r, l.addMembers(l.container(r), items)
}

// absorbs is true for the values that take everything, since nobody knows better.
func (l *loader) absorbs(r ref) bool {
	k := l.kind(r)
	return k == Opaque || k == Lazy || k == Global && l.node(r).form == 0
}

// toMark has the value below the mark take in what is above it.
func toMark(takeFrom func(l *loader, start int) error) func(*loader) error {
	return func(l *loader) error {
		items, err := l.popMark()
		if err != nil {
			return err
		}
		start := len(l.stack)
		l.stack = l.stack[:start+len(items)]
		return takeFrom(l, start)
	}
}

// opAppend adds the top of the stack to what is below.
func opAppend(l *loader) error { return l.appendFrom(len(l.stack) - 1) }

// above takes the stack from start on, which the value before it is to take in. As in C, no items are nothing to do,
// whatever the value is.
func (l *loader) above(start int) (target ref, items []ref, err error) {
	if start <= l.fence() {
		return 0, nil, errUnderflow
	}
	target, items = l.stack[start-1], l.stack[start:]
	l.stack = l.stack[:start]
	return target, items, nil
}

// appendFrom is do_append.
func (l *loader) appendFrom(start int) error {
	target, items, err := l.above(start)
	if err != nil || len(items) == 0 {
		return err
	}
	switch k := l.kind(target); {
	case k == List:
		c := l.container(target)
		c.items = append(c.items, items...)
	case k == ByteArray:
		return errByteArray
	case !l.absorbs(target):
		return errUnsupported
	}
	return nil
}

func opSetItem(l *loader) error { return l.setItemsFrom(len(l.stack) - 2) }

// setItemsFrom is do_setitems.
func (l *loader) setItemsFrom(start int) error {
	target, items, err := l.above(start)
	switch {
	case err != nil || len(items) == 0:
		return err
	case len(items)%2 != 0:
		return errOdd
	}
	switch k := l.kind(target); {
	case k == Dict || k == OrderedDict:
		return l.setItems(target, items)
	case k == List:
		return l.assign(target, items)
	case k == ByteArray:
		return errByteArray
	case !l.absorbs(target):
		return errUnsupported
	}
	return nil
}

// setItems is dict[key] = value for each pair: a key that was there keeps its place, and its first form.
func (l *loader) setItems(dict ref, items []ref) error {
	if len(items) == 0 {
		return nil
	}
	c := l.container(dict)
	if c.items == nil {
		c.items = make([]ref, 0, len(items))
	}
	for i := 0; i < len(items); i += 2 {
		k, err := l.key(items[i], maxKeyDepth)
		if err != nil {
			return err
		}
		place, found, err := l.find(c, k, 2)
		if err != nil {
			return err
		}
		if found {
			c.items[place+1] = items[i+1]
			continue
		}
		c.items = append(c.items, items[i], items[i+1])
	}
	return nil
}

// assign is list[index] = value.
func (l *loader) assign(list ref, items []ref) error {
	c := l.container(list)
	for i := 0; i < len(items); i += 2 {
		index, ok := l.index(items[i])
		if !ok {
			return errUnsupported
		}
		if index < 0 {
			index += int64(len(c.items))
		}
		if index < 0 || index >= int64(len(c.items)) {
			return errUnsupported
		}
		c.items[index] = items[i+1]
	}
	return nil
}

func (l *loader) index(r ref) (int64, bool) {
	switch {
	case l.kind(r) == Bool:
		return int64(r - refFalse), true
	case l.kind(r) != Int:
		return 0, false
	}
	return l.int64(r)
}

func (l *loader) addItemsFrom(start int) error {
	target, items, err := l.above(start)
	if err != nil || len(items) == 0 {
		return err
	}
	switch k := l.kind(target); {
	case k == Set:
		return l.addMembers(l.container(target), items)
	case !l.absorbs(target):
		return errUnsupported
	}
	return nil
}

// addMembers is set.update: what was there stays.
func (l *loader) addMembers(c *container, items []ref) error {
	if c.items == nil {
		c.items = make([]ref, 0, len(items))
	}
	for _, r := range items {
		k, err := l.key(r, maxKeyDepth)
		if err != nil {
			return err
		}
		_, found, err := l.find(c, k, 1)
		if err != nil {
			return err
		}
		if !found {
			c.items = append(c.items, r)
		}
	}
	return nil
}

// find returns the place of the key in items, of which every step-th is a key. Where it is not found, the caller will
// put it behind the last.
func (l *loader) find(c *container, k dictKey, step int) (place int, found bool, err error) {
	if len(c.items) < largeContainer*step {
		for i := 0; i < len(c.items); i += step {
			other, err := l.key(c.items[i], maxKeyDepth)
			if err != nil {
				return 0, false, err
			}
			if other == k {
				return i, true, nil
			}
		}
		return 0, false, nil
	}
	if 2*(len(c.items)/step+1) > len(c.index) {
		if err := l.growIndex(c, step); err != nil {
			return 0, false, err
		}
	}
	hash := l.hash(k)
	for i := int(hash); ; i++ {
		s := &c.index[i&(len(c.index)-1)]
		if s.place == 0 {
			*s = slot{hash, uint32(len(c.items) + 1)} //nolint:gosec // bounded by maxInput
			return 0, false, nil
		}
		if s.hash == hash {
			other, err := l.key(c.items[s.place-1], maxKeyDepth)
			if err != nil {
				return 0, false, err
			}
			if other == k {
				return int(s.place - 1), true, nil
			}
		}
	}
}

// growIndex makes room for twice as many keys.
func (l *loader) growIndex(c *container, step int) error {
	old := c.index
	c.index = make([]slot, max(2*len(old), 4*largeContainer))
	insert := func(s slot) {
		for i := int(s.hash); ; i++ {
			if free := &c.index[i&(len(c.index)-1)]; free.place == 0 {
				*free = s
				return
			}
		}
	}
	if old != nil {
		for _, s := range old {
			if s.place > 0 {
				insert(s)
			}
		}
		return nil
	}
	if !l.seeded {
		l.seed, l.seeded = maphash.MakeSeed(), true
	}
	for i := 0; i < len(c.items); i += step {
		k, err := l.key(c.items[i], maxKeyDepth)
		if err != nil {
			return err
		}
		insert(slot{l.hash(k), uint32(i + 1)})
	}
	return nil
}

// hash is one that nobody who writes pickles can foresee.
func (l *loader) hash(k dictKey) uint32 {
	return uint32(maphash.Comparable(l.seed, k)) //nolint:gosec // its lower half
}
