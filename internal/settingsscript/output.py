"""Writes what has been found: as files for a shell, for containers, for Kubernetes, for Compose."""

import base64
import io
import re as _re

SAFE = _re.compile(r"^[A-Za-z0-9_./:@%+,=-]*$")
SECRETS = "django-sidecar-secrets"
MOUNTED = {
    "secret": "/run/secrets/django-sidecar",
    "configmap": "/run/secrets/django-sidecar",
    "compose": "/run/secrets",
    # LoadCredential=secret:FOLDER of deploy/systemd/django-sidecar.service names each file of the folder so.
    "systemd": "/run/credentials/django-sidecar.service/secret_",
}


def shell_quoted(text):
    return text if SAFE.match(text) else "'" + text.replace("'", "'\\''") + "'"


def env_quoted(text):
    """In double quotes, which a shell and systemd read alike."""
    return text if SAFE.match(text) else '"' + _re.sub(r'(["\\$`])', r"\\\1", text) + '"'


def yaml_quoted(text):
    return to_json(text)  # a string of JSON is one of YAML


def comment(text):
    return "# " + text.replace("\r", " ").replace("\n", " ")


class Output(object):
    def __init__(self, report):
        self.report = report
        self.directory = os.path.abspath(DIRECTORY or os.getcwd())  # noqa: F821
        self.files = []  # (path, text, mode)
        self.next = []
        folder = MOUNTED.get(FORMAT) or self.path(SECRETS)  # noqa: F821
        folder += "" if folder.endswith("_") else "/"
        self.settings = list(report.settings) + [(name + "_FILE", folder + filename) for name, filename, _ in report.secrets]

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def add(self, name, lines, mode):
        if self.report.impossible:
            name += ".incomplete"
        self.files.append((self.path(name), "\n".join(lines) + "\n", mode))
        return self.path(name)

    def secret_files(self):
        for _, filename, text in self.report.secrets:
            self.add(os.path.join(SECRETS, filename), [text], 0o600)

    def comments(self):
        lines = [
            'Made by "django-sidecar settings-script" in a shell of the Django project. Run it again when its settings, or the code of its middleware, change.'
        ]
        lines += ["NOT POSSIBLE: " + text for text in self.report.impossible]
        lines += ["NOT PROVED: " + text for text in self.report.unproved]
        lines += ["Stricter than Django: " + text for text in self.report.stricter]
        lines += ["Accepted with -accept %s: %s" % pair for pair in self.report.accepted]
        lines += self.report.remarks
        return [comment(line) for line in lines]

    def offers(self):
        return [(comment("Take the # away, %s:" % why), name, value) for name, value, why in self.report.offered]

    def build(self):
        {
            "env": self.env,
            "systemd": self.systemd,
            "dotenv": self.dotenv,
            "secret": self.kubernetes_secret,
            "configmap": self.configmap,
            "compose": self.compose,
        }[
            FORMAT
        ]()  # noqa: F821

    def env(self):
        """Lines that a POSIX shell and systemd read. Without values in quotes, containers read them too."""
        path = self.lines_of_a_shell()
        self.next.append("set -a; . %s; set +a; django-sidecar check" % shell_quoted(path))
        if all(SAFE.match(text) for _, text in self.settings):
            self.next.append(self.docker(path))

    def systemd(self):
        """The same lines, for EnvironmentFile; the secrets are credentials of the service."""
        path = self.lines_of_a_shell()
        self.next.append("as root: install -d -m 700 /etc/django-sidecar/%s" % SECRETS)
        self.next.append("as root: install -m 600 %s/* /etc/django-sidecar/%s/" % (shell_quoted(self.path(SECRETS)), SECRETS))
        self.next.append("as root: install -m 600 %s /etc/django-sidecar/" % shell_quoted(path))
        self.next.append("as root: systemctl restart django-sidecar")

    def lines_of_a_shell(self):
        lines = self.comments() + ["%s=%s" % (name, env_quoted(text)) for name, text in self.settings]
        for why, name, value in self.offers():
            lines += [why, "# %s=%s" % (name, env_quoted(value))]
        path = self.add("django-sidecar.env", lines, 0o644)
        self.secret_files()
        return path

    def folders(self):
        """What a container has to see of this machine."""
        found = [self.path(SECRETS) + ":ro"] if self.report.secrets else []
        for name, text in self.settings:
            if text.startswith("sqlite:///"):
                found.append(os.path.dirname(unquote(text[len("sqlite:///") :])))  # SQLite may write beside its file
            elif text.startswith("file:///"):
                found.append(unquote(text[len("file://") :]) + ":ro")
            elif name == "DJANGO_SESSION_FILE_PATH":
                found.append(text + ":ro")
        return found

    def docker(self, path):
        mounts = "".join("-v %s " % shell_quoted(f.split(":")[0] + ":" + f) for f in self.folders())
        return "docker run --rm --network host --user $(id -u):$(id -g) --env-file %s %sdjango-sidecar check" % (
            shell_quoted(path),
            mounts,
        )

    def dotenv(self):
        """Lines without quotes, as containers read them (--env-file)."""
        for name, text in self.settings:
            if "\n" in text or "\r" in text:
                raise Impossible("%s has a line break, which a file for containers cannot hold" % name)
        lines = self.comments() + ["%s=%s" % pair for pair in self.settings]
        for why, name, value in self.offers():
            lines += [why, "# %s=%s" % (name, value)]
        path = self.add("django-sidecar.env", lines, 0o644)
        self.secret_files()
        self.next.append(self.docker(path))

    def manifest(self, kind, name, pairs, encode):
        lines = ["apiVersion: v1", "kind: " + kind, "metadata:", "  name: " + name]
        lines += ["type: Opaque"] if kind == "Secret" else []
        return lines + ["data:" if pairs else "data: {}"] + ["  %s: %s" % (key, encode(text)) for key, text in pairs]

    def mounted_secret(self):
        return self.manifest(
            "Secret", "django-sidecar", [(filename, text) for _, filename, text in self.report.secrets], base64_text
        )

    def configmap(self):
        lines = self.comments() + self.manifest("ConfigMap", "django-sidecar", self.settings, yaml_quoted)
        for why, name, value in self.offers():
            lines += ["  " + why, "  # %s: %s" % (name, yaml_quoted(value))]
        one = self.add("django-sidecar-configmap.yaml", lines, 0o644)
        other = self.add("django-sidecar-secret.yaml", self.mounted_secret(), 0o600)
        self.next.append("kubectl apply -f %s -f %s" % (shell_quoted(one), shell_quoted(other)))
        self.mounting("configMapRef: {name: django-sidecar}")

    def kubernetes_secret(self):
        lines = (
            self.comments()
            + self.manifest("Secret", "django-sidecar-settings", self.settings, base64_text)
            + ["---"]
            + self.mounted_secret()
        )
        path = self.add("django-sidecar-secret.yaml", lines, 0o600)
        self.next.append("kubectl apply -f %s" % shell_quoted(path))
        self.mounting("secretRef: {name: django-sidecar-settings}")

    def mounting(self, source):
        self.next.append(
            "in the container: envFrom: [{%s}], and the Secret django-sidecar mounted at %s"
            % (source, MOUNTED["secret"])
        )

    def compose(self):
        """$ begins a variable in Compose, and $$ is one $."""
        lines = self.comments() + [
            "services:",
            "  django-sidecar:",
            '    image: "${DJANGO_SIDECAR_IMAGE:-django-sidecar}"',
            "    read_only: true",
        ]
        if self.report.secrets and hasattr(os, "getuid"):
            lines.append('    user: "%d:%d" # whose the secret files are' % (os.getuid(), os.getgid()))
        lines += ["    environment:"]
        lines += ["      %s: %s" % (name, yaml_quoted(text.replace("$", "$$"))) for name, text in self.settings]
        for why, name, value in self.offers():
            lines += ["      " + why, "      # %s: %s" % (name, yaml_quoted(value.replace("$", "$$")))]
        if self.report.secrets:
            lines += ["    secrets:"] + ["      - " + filename for _, filename, _ in self.report.secrets]
            lines += ["secrets:"]
            for _, filename, _ in self.report.secrets:
                lines += ["  %s:" % filename, "    file: " + yaml_quoted(self.path(SECRETS, filename))]
        path = self.add("django-sidecar.compose.yaml", lines, 0o644)
        self.secret_files()
        self.next.append("docker compose -f %s run --rm django-sidecar check" % shell_quoted(path))

    def write(self):
        """All files or none. A file that is there already stays."""
        there = [path for path, _, _ in self.files if os.path.lexists(path)]
        if there and not REPLACE:  # noqa: F821
            raise Impossible("%s exists: move it away, or print this program with -replace" % there[0])
        for path, text, mode in self.files:
            folder = os.path.dirname(path)
            if not os.path.isdir(folder):
                os.makedirs(folder, 0o700)
            write_file(path, text, mode)


def write_file(path, text, mode):
    """Nobody else can read a secret at any time: the file is made with its mode, and takes its name when it is whole."""
    new = "%s.%d.new" % (path, os.getpid())
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with io.open(handle, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode("utf-8"))
        os.rename(new, path)
    except Exception:
        os.unlink(new)
        raise


def base64_text(text):
    return base64.b64encode(to_bytes(text)).decode("ascii")
