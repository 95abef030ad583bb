"""What a server imports and no shell does: the modules of WSGI_APPLICATION and ASGI_APPLICATION. They are read, and not run."""


def read_servers(report):
    """Names of Django on the way to a user to which such a module, what it imports alone, or a function that it calls, gives another value."""
    todo = [(str(setting(name)).rpartition(".")[0], None) for name in ("WSGI_APPLICATION", "ASGI_APPLICATION") if setting(name)]
    modules, read = {}, set()
    for module, function in todo:  # it grows meanwhile
        if (module, function) in read:
            continue
        if len(read) > 100:
            report.add(report.remarks, "a server imports and calls more than this program reads: what %s does to functions of Django was not seen" % module)
            break
        if module not in modules:
            modules[module] = source_of_module(module)
        file, tree, names = modules[module]
        read.add((module, function))
        parts = [n for n in tree.body if (n.name == function if isinstance(n, DEFINITIONS) else function is None)]
        for name, line in names_replaced(parts, names):
            if any(name.startswith(path + ".") for path, _ in ROAD):
                report.add(report.impossible, "a server replaces %s, by which Django finds users: %s:%d" % (name, file, line))
        todo += [(m, None) for path in names.values() if function is None for m in (path, path.rpartition(".")[0]) if m not in sys.modules]
        for called in [whole_name(n.func, names) or module + "." + name_of(n) for part in parts for n in ast.walk(part) if isinstance(n, ast.Call)]:
            todo.append((called.rpartition(".")[0], called.rpartition(".")[2]))


def source_of_module(module):
    """(file, tree, what its imports name) of a module of the project; nothing of another."""
    file = file_of_module(module)
    kind, tree = outcome(lambda: ast.parse(open(file, "rb").read()))
    if kind == "error":
        return file, ast.parse(""), {}
    package = module if os.path.basename(file) == "__init__.py" else module.rpartition(".")[0]
    imports = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
    return file, tree, dict(pair for node in imports for pair in names_imported(node, package))


def file_of_module(module):
    """The file of a module that need not be imported; None where there is none of the project's."""
    kind, file = outcome(lambda: spec_of(module))
    library = kind == "error" or file is None or os.path.abspath(file).startswith((DJANGOS_FOLDER, STDLIB_FOLDER))
    return None if library or not file.endswith(".py") else file


def spec_of(module):
    if module in sys.modules:
        return inspect.getsourcefile(sys.modules[module])
    path, parts = None, module.split(".")
    for n in range(1, len(parts) + 1):  # find_spec(module) and find_loader(module) would run the packages around it
        known = sys.modules.get(".".join(parts[:n])) if n < len(parts) else None
        file, path = (None, list(known.__path__)) if known is not None else place_of(".".join(parts[:n]), path)
    return file


def place_of(module, path):
    """The file of a module in the folders of its package, and its own folders."""
    try:
        from importlib.machinery import PathFinder
        from importlib.util import find_spec
    except ImportError:  # Python 2
        import pkgutil

        found = [pkgutil.ImpImporter(p).find_module(module.rpartition(".")[2]) for p in (sys.path if path is None else path)]
        loader = next(f for f in found if f is not None)
        file = loader.get_filename()
        return file, [os.path.dirname(file)] if os.path.basename(file).startswith("__init__.") else []
    spec = find_spec(module) if path is None else PathFinder.find_spec(module, path)
    return spec.origin, list(spec.submodule_search_locations or [])


def names_imported(node, package):
    """The names that an import in a package makes, and what they are: modules, or names in them."""
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
            continue
        above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
        yield alias.asname or alias.name, ".".join(above + [p for p in (node.module, alias.name) if p])


def whole_name(node, names):
    """The name of what was imported, and of what is in it."""
    if isinstance(node, ast.Attribute):
        return whole_name(node.value, names) + "." + node.attr
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def names_replaced(parts, names):
    """What gets another value, with the line: what names an attribute of what was imported."""
    for part in parts:
        for node in ast.walk(part):
            if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
                yield whole_name(node, names), node.lineno
            elif isinstance(node, ast.Call) and name_of(node) in ("setattr", "patch", "wrap_function_wrapper") and node.args:
                yield whole_name(node.args[0], names) + ".", node.lineno
