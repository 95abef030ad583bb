package charts_test

import (
	"strings"
	"testing"
)

// TestWrongValues: each is an error before anything is installed, which says where and what.
func TestWrongValues(t *testing.T) {
	for _, tt := range []struct{ values, want string }{
		{"imagee: {tag: x}", "'imagee'"},
		{"image: {repository: ''}", "/image/repository"},
		{"image: {tag: 1.0}", "/image/tag"},
		{"image: {digest: 'sha256:12'}", "/image/digest"},
		{"mode: daemonset", "/mode"},
		{"settings: {SIDECAR_LISTENS: ':1'}", "'SIDECAR_LISTENS'"},
		{"settings: {DJANGO_SESSION_COOKIE_NAMES: x}", "'DJANGO_SESSION_COOKIE_NAMES'"},
		{"settings: {SECRET_KEY: x}", "'SECRET_KEY'"},
		{"settings: {DJANGO_SECRET_KEY: x}", "'DJANGO_SECRET_KEY'"},
		{"settings: {DATABASE_URL: 'postgres://a:b@c/d'}", "'DATABASE_URL'"},
		{"settings: {DJANGO_SECRET_KEY_FILE: /x}", "'DJANGO_SECRET_KEY_FILE'"},
		{"settings: {DJANGO_VERSION: 5.2}", "/settings/DJANGO_VERSION"},
		{"settings: {SIDECAR_DB_CONNS: 4.5}", "/settings/SIDECAR_DB_CONNS"},
		{"settings: {SIDECAR_STORE_TIMEOUT: 2}", "/settings/SIDECAR_STORE_TIMEOUT"},
		{"settings: {SIDECAR_LISTEN: ':8100'}", "settings.SIDECAR_LISTEN: give it as ports.public and loopback"},
		{"settings: {SIDECAR_ADMIN_LISTEN: ':1'}", "give it as ports.admin"},
		{"settings: {SIDECAR_GRPC_LISTEN: ':1'}", "give it as ports.grpc"},
		{"settings: {SIDECAR_DRAIN_DELAY: 5s}", "give it as stop.drainSeconds"},
		{"settings: {DJANGO_MEDIA_ROOT: /srv/media}", "settings.DJANGO_MEDIA_ROOT is /srv/media, which is in no volume"},
		{"{settings: {DJANGO_MEDIA_ROOT: /srv/mediafiles}, volumeMounts: [{name: m, mountPath: /srv/media}]}", "which is in no volume"},
		{"settings: {SIDECAR_UPLOAD_DRAIN: 5m}", "set terminationGracePeriodSeconds too"},
		{"settingsFrom: [{configMap: {name: x}}]", "'configMap'"},
		{"settingsFrom: [{configMapRef: {}}]", "name"},
		{"secret: {files: {DJANGO_SECRET_FILE: x}}", "'DJANGO_SECRET_FILE'"},
		{"secret: {files: {DATABASE_URL_FILE: ../x}}", "/secret/files/DATABASE_URL_FILE"},
		{"secret: {name: '', files: {DATABASE_URL_FILE: x}}", "secret.name is empty"},
		{"ports: {public: 80}", "/ports/public"},
		{"ports: {admin: '8101'}", "/ports/admin"},
		{"ports: {public: 8101}", "ports are not different"},
		{"loopback: true", "it is for the mode sidecar"},
		{"probes: tcp", "/probes"},
		{"adminLoopback: true", "set probes to exec"},
		{"{adminLoopback: true, probes: exec, podMonitor: {enabled: true}, networkPolicy: {enabled: false}}", "adminLoopback is true"},
		{"tls: {public: {secrets: x}}", "'secrets'"},
		{"tls: {public: {secret: Django_TLS}}", "/tls/public/secret"},
		{"tls: {grpc: {secret: x}}", "'grpc'"},
		{"tls: {public: {clientCertificates: true}}", "tls.public.secret is empty"},
		{"tls: {admin: {secret: x, clientCertificates: true}}", "the kubelet has no certificate: set probes to exec"},
		{"{tls: {admin: {secret: x}}, podMonitor: {enabled: true}, networkPolicy: {enabled: false}}", "podMonitor.tlsConfig is empty"},
		{"{tls: {admin: {secret: x, clientCertificates: true}}, probes: exec, podMonitor: {enabled: true, tlsConfig: {serverName: y}}, networkPolicy: {enabled: false}}", "no cert and keySecret"},
		{"podMonitor: {tlsConfig: {serverName: y}}", "tls.admin.secret is empty"},
		{"secret: {files: {SIDECAR_TLS_CERT_FILE: tls.crt}}", "secret.files.SIDECAR_TLS_CERT_FILE: give it as tls.public"},
		{"secret: {files: {SIDECAR_ADMIN_TLS_KEY_FILE: tls.key}}", "give it as tls.admin"},
		{"auditLog: off", "/auditLog"},
		{"auditLog: audit.log", "/auditLog"},
		{"auditLog: /var/log/audit.log", "auditLog is /var/log/audit.log, which is in no volume"},
		{"{auditLog: /var/logs/audit.log, volumeMounts: [{name: l, mountPath: /var/log}]}", "which is in no volume"},
		{"settings: {SIDECAR_AUDIT_LOG: stderr}", "settings.SIDECAR_AUDIT_LOG: give it as auditLog"},
		{"resources: {limits: {memory: 128 MB}}", "/resources/limits/memory"},
		{"resources: {limit: {memory: 1Gi}}", "'limit'"},
		{"stop: {drainSeconds: 5s}", "/stop/drainSeconds"},
		{"replicas: two", "/replicas"},
		{"user: 0", "/user"},
		{"podDisruptionBudget: {maxUnavailable: 0}", "/podDisruptionBudget/maxUnavailable"},
		{"topologySpread: {zones: true}", "/topologySpread/zones"},
		{"networkPolicy: {clients: []}", "/networkPolicy/clients"},
		{"networkPolicy: {clients: [{}]}", "/networkPolicy/clients/0"},
		{"networkPolicy: {egress: [{}]}", "/networkPolicy/egress/0"},
		{"networkPolicy: {egress: [{port: 5432}]}", "'port'"},
		{"podMonitor: {enabled: true}", "networkPolicy.monitoring lets nobody in"},
		{"podMonitor: {interval: 30}", "/podMonitor/interval"},
		{"{mode: sidecar, podMonitor: {enabled: true}}", "podMonitor.selector is empty"},
		{"autoscaling: {enabled: true, maxReplicas: 1}", "autoscaling.maxReplicas is less"},
		{"autoscaling: {targetCPUUtilization: 70%}", "/autoscaling/targetCPUUtilization"},
	} {
		_, err := rendered(t, chart, values(t, tt.values))
		if err == nil {
			t.Errorf("%s: is taken", tt.values)
		} else if text := strings.ReplaceAll(err.Error(), `"`, `'`); !strings.Contains(strings.ReplaceAll(text, "''", "'"), tt.want) {
			t.Errorf("%s: the error is %q, want %q in it", tt.values, err, tt.want)
		}
	}
}

// TestWrongValuesOfDjango: the same in a chart that includes this one.
func TestWrongValuesOfDjango(t *testing.T) {
	for _, tt := range []struct{ values, want string }{
		{"django-sidecar: {settings: {SIDECAR_LISTENS: ':1'}}", "SIDECAR_LISTENS"},
		{"django-sidecar: {settings: {SIDECAR_LISTEN: ':1'}}", "settings.SIDECAR_LISTEN: give it as ports.public and loopback"},
		{"django-sidecar: {settings: {DJANGO_MEDIA_ROOT: /srv}}", "is in no volume"},
		{"django-sidecar: {podMonitor: {enabled: true, selector: null}}", "podMonitor.selector is empty"},
	} {
		_, err := rendered(t, parent, values(t, tt.values))
		if err == nil {
			t.Errorf("%s: is taken", tt.values)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: the error is %q, want %q in it", tt.values, err, tt.want)
		}
	}
}

// TestBrokenManifests: what is wrong in a manifest is found, so that TestChart means something.
func TestBrokenManifests(t *testing.T) {
	s := newServer(t)
	sets := valueSets(t)
	for _, tt := range []struct{ set, text, wrong, fault string }{
		{"defaults", "readinessProbe:", "readynessProbe:", "unknown field"},
		{"defaults", "kind: Service\n", "kind: Services\n", "no kind"},
		{"defaults", "apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n", "no kind"},
		{"defaults", "containerPort: 8100", "containerPort: 81000", "containerPort: Invalid value"},
		{"defaults", "containerPort: 8100", `containerPort: "8100"`, "containerPort"},
		{"defaults", "port: auth-admin", "port: admin", "asks port admin, which it has not"},
		{"defaults", "name: auth-admin", "name: auth-administration", "must be no more than 15 characters"},
		{"defaults", "targetPort: auth", "targetPort: http", "leads to port http, which no container has"},
		{"defaults", "port: auth\n", "port: auths\n", "leads to port auths, which no container has"},
		{"defaults", "mountPath: /run/secrets/django-sidecar", "mountPath: ''", "mountPath: Required value"},
		{"defaults", "- name: django-sidecar-secrets\n          secret:", "- name: secrets\n          secret:", "volumeMounts[0].name: Not found"},
		{"defaults", "defaultMode: 0440", "defaultMode: 440", ""}, // 440 in decimal is a mode as well
		{"defaults", "defaultMode: 0440", "defaultMode: 4400", "defaultMode: Invalid value"},
		{"defaults", "secretName: django-sidecar", "secretname: django-sidecar", "unknown field"},
		{"defaults", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot != true"},
		{"defaults", "runAsUser: 65532", "runAsUser: 0", "runAsUser=0"},
		{"defaults", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation != false"},
		{"defaults", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "may write into its root file system"},
		{"defaults", "readOnlyRootFilesystem: true", "", "may write into its root file system"},
		{"defaults", `drop: ["ALL"]`, `drop: ["NET_RAW"]`, "unrestricted capabilities"},
		{"defaults", "type: RuntimeDefault", "type: Unconfined", "seccompProfile"},
		{"defaults", "seconds: 5\n", "seconds: 500\n", "sleep"},
		{"defaults", "memory: 64Mi", "memory: 640Mi", "must be less than or equal to memory limit"},
		{"defaults", "memory: 64Mi", "memory: 64MB", "quantities must match"},
		{"defaults", "whenUnsatisfiable: ScheduleAnyway", "whenUnsatisfiable: Schedule", "whenUnsatisfiable: Unsupported value"},
		{"defaults", "maxUnavailable: 0", "maxUnavailable: none", "maxUnavailable: Invalid value"},
		{"defaults", "unhealthyPodEvictionPolicy: AlwaysAllow", "unhealthyPodEvictionPolicy: Always", "unhealthyPodEvictionPolicy"},
		{"defaults", "policyTypes: [Ingress, Egress]", "policyTypes: [Ingress, Outgress]", "policyTypes[1]"},
		{"defaults", "- port: 53\n          protocol: UDP", "- port: 53\n          protocol: udp", "protocol: Unsupported value"},
		{"defaults", "- port: auth\n          protocol: TCP\n", "- port: auth\n        - port: 8101\n", "lets clients reach the admin port"},
		{"defaults", "      ports:\n        - port: auth\n          protocol: TCP\n", "", "lets clients reach the admin port"},
		{"monitored", "- port: auth-grpc\n", "- port: auth-admin\n", "lets clients reach the admin port"},
		{"monitored", "kubernetes.io/metadata.name: monitoring\n          podSelector:\n            matchLabels:\n              app.kubernetes.io/name: prometheus\n", "kubernetes.io/metadata.name: envoy-gateway-system\n", "lets clients reach the admin port"},
		{"defaults", "matchLabels:\n      app.kubernetes.io/name: django-sidecar", "matchLabels:\n      app.kubernetes.io/name: sidecar", "selector"},
		{"defaults", "name: SIDECAR_LISTEN\n", "name: SIDECAR_LISTEN=\n", "env[0].name: Invalid value"},
		{"defaults", "          env:\n", "          env: []\n          env:\n", "env"},
		{"monitored", "averageUtilization: 70", "averageUtilization: 0", "averageUtilization"},
		{"monitored", "kind: Deployment\n    name: shop-django-sidecar", "kind: Deployment\n    name: shop", "scales no Deployment"},
		{"tls", "scheme: HTTPS", "scheme: TLS", "scheme: Unsupported value"},
		{"tls", "appProtocol: https", "appProtocol: ht tps", "appProtocol"},
		{"tls", "mountPath: /run/secrets/django-sidecar-tls-admin", "mountPath: /run/secrets/django-sidecar-tls-public", "must be unique"},
		{"tls", "serverName: django-sidecar.web.svc", "serverNames: [x]", "serverNames"},
		{"exec", "exec:\n", "execs:\n", "unknown field"},
		{"exec", "secretName: django-sidecar-tls", "secretName: ''", "secretName: Required value"},
		{"monitored", "- port: auth-admin\n      path: /metrics", "- ports: auth-admin\n      path: /metrics", "unknown field"},
		{"monitored", "- port: auth-admin\n      path: /metrics", "- port: metrics\n      path: /metrics", "leads to port metrics"},
	} {
		files, err := rendered(t, chart, sets[tt.set])
		if err != nil {
			t.Fatal(err)
		}
		text := stream(files)
		if !strings.Contains(text, tt.text) {
			t.Errorf("%s does not say %q any more", tt.set, tt.text)
			continue
		}
		all := strings.Join(s.faults(t, strings.ReplaceAll(text, tt.text, tt.wrong)), "\n")
		if tt.fault == "" && all != "" || !strings.Contains(all, tt.fault) {
			t.Errorf("%s with %q: the faults are %q, want %q among them", tt.set, tt.wrong, all, tt.fault)
		}
	}
}

// TestWrongValuesOnThePage: docs/kubernetes.md shows what Helm says, which is in no order.
func TestWrongValuesOnThePage(t *testing.T) {
	_, err := rendered(t, chart, values(t, "{replicas: two, ports: {public: 80}}"))
	if err == nil {
		t.Fatal("wrong values are taken")
	}
	page := readFile(t, root+"docs/kubernetes.md")
	for line := range strings.Lines(err.Error()) {
		if !strings.Contains(page, strings.TrimSpace(line)+"\n") {
			t.Errorf("docs/kubernetes.md does not show this line: %s", line)
		}
	}
}
