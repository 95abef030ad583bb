package charts_test

import (
	"fmt"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	podpolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// objects are those of a stream, each of a kind.
type objects struct {
	Deployments []appsv1.Deployment
	Services    []corev1.Service
	Secrets     []corev1.Secret
	ConfigMaps  []corev1.ConfigMap
	Policies    []networkingv1.NetworkPolicy
	Budgets     []policyv1.PodDisruptionBudget
	Scalers     []autoscalingv2.HorizontalPodAutoscaler
	Monitors    []monitoringv1.PodMonitor
}

func read(tb testing.TB, stream string) *objects {
	tb.Helper()
	o := new(objects)
	for _, document := range documents(stream) {
		var kind metav1.TypeMeta
		err := yaml.Unmarshal(document, &kind)
		if err == nil {
			switch kind.Kind {
			case "Deployment":
				err = add(document, &o.Deployments)
			case "Service":
				err = add(document, &o.Services)
			case "Secret":
				err = add(document, &o.Secrets)
			case "ConfigMap":
				err = add(document, &o.ConfigMaps)
			case "NetworkPolicy":
				err = add(document, &o.Policies)
			case "PodDisruptionBudget":
				err = add(document, &o.Budgets)
			case "HorizontalPodAutoscaler":
				err = add(document, &o.Scalers)
			case "PodMonitor":
				err = add(document, &o.Monitors)
			default:
				err = fmt.Errorf("nobody reads a %q", kind.Kind)
			}
		}
		if err != nil {
			tb.Fatalf("%v\n%s", err, document)
		}
	}
	return o
}

func add[T any](document []byte, list *[]T) error {
	var object T
	if err := yaml.UnmarshalStrict(document, &object); err != nil {
		return err
	}
	*list = append(*list, object)
	return nil
}

// deadEnds are the names in objects that lead nowhere, which the API server takes: selectors without pods, ports that no container
// has, an autoscaler without its Deployment. And it is what the Pod Security Standard "restricted" forbids, a sidecar that may write
// into its own file system, and an admin port for more than who reads metrics.
func deadEnds(o *objects, security podpolicy.Evaluator) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	follow := func(what string, selector *metav1.LabelSelector, ports ...intstr.IntOrString) {
		pods := o.selected(selector)
		if len(pods) == 0 {
			fault("%s selects no pod", what)
		}
		for _, pod := range pods {
			for _, port := range ports {
				if portOf(&pod.Spec, port) == 0 {
					fault("%s leads to port %s, which no container has", what, port.String())
				}
			}
		}
	}
	for _, d := range o.Deployments {
		spec := &d.Spec.Template.Spec
		if err := restricted(security, &d.Spec.Template.ObjectMeta, spec); err != nil {
			fault("Deployment %s: %v", d.Name, err)
		}
		for _, c := range containers(spec) {
			if c.Name == "django-sidecar" && mayWrite(c.SecurityContext) {
				fault("Deployment %s: %s may write into its root file system", d.Name, c.Name)
			}
			for name, p := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
				if p != nil && p.HTTPGet != nil && portOf(&corev1.PodSpec{Containers: []corev1.Container{c}}, p.HTTPGet.Port) == 0 {
					fault("the %s probe of %s asks port %s, which it has not", name, c.Name, p.HTTPGet.Port.String())
				}
			}
		}
		for _, constraint := range spec.TopologySpreadConstraints {
			follow("a topologySpreadConstraint", constraint.LabelSelector)
		}
	}
	for _, s := range o.Services {
		var ports []intstr.IntOrString
		for _, port := range s.Spec.Ports {
			ports = append(ports, port.TargetPort)
		}
		follow("Service "+s.Name, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}, ports...)
	}
	for _, p := range o.Policies {
		var ports []intstr.IntOrString
		for _, rule := range p.Spec.Ingress {
			for _, port := range rule.Ports {
				ports = append(ports, *port.Port)
			}
		}
		follow("NetworkPolicy "+p.Name, &p.Spec.PodSelector, ports...)
		if o.clientsReachAdmin(&p.Spec) {
			fault("NetworkPolicy %s lets clients reach the admin port", p.Name)
		}
	}
	for _, b := range o.Budgets {
		follow("PodDisruptionBudget "+b.Name, b.Spec.Selector)
	}
	for _, m := range o.Monitors {
		for _, endpoint := range m.Spec.PodMetricsEndpoints {
			follow("PodMonitor "+m.Name, &m.Spec.Selector, intstr.FromString(*endpoint.Port))
		}
	}
	for _, h := range o.Scalers {
		scaled := false
		for _, d := range o.Deployments {
			scaled = scaled || d.Name == h.Spec.ScaleTargetRef.Name && d.Spec.Replicas == nil
		}
		if !scaled {
			fault("HorizontalPodAutoscaler %s scales no Deployment, or one with replicas of its own", h.Name)
		}
	}
	return faults
}

// mayWrite says whether a container's root file system is not read-only.
func mayWrite(c *corev1.SecurityContext) bool {
	return c == nil || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem
}

// clientsReachAdmin says whether a policy opens the admin port to everybody, or to somebody to whom it opens another port.
func (o *objects) clientsReachAdmin(p *networkingv1.NetworkPolicySpec) bool {
	opens := func(rule *networkingv1.NetworkPolicyIngressRule, admin bool) bool {
		if len(rule.Ports) == 0 { // all ports
			return true
		}
		return slices.ContainsFunc(o.selected(&p.PodSelector), func(pod corev1.PodTemplateSpec) bool {
			number := portOf(&pod.Spec, intstr.FromString("auth-admin"))
			return slices.ContainsFunc(rule.Ports, func(port networkingv1.NetworkPolicyPort) bool {
				return (portOf(&pod.Spec, *port.Port) == number) == admin
			})
		})
	}
	for _, rule := range p.Ingress {
		if !opens(&rule, true) {
			continue
		}
		for _, other := range p.Ingress {
			client := func(peer networkingv1.NetworkPolicyPeer) bool {
				return slices.ContainsFunc(other.From, func(p networkingv1.NetworkPolicyPeer) bool { return equality.Semantic.DeepEqual(p, peer) })
			}
			if len(rule.From) == 0 || opens(&other, false) && slices.ContainsFunc(rule.From, client) {
				return true
			}
		}
	}
	return false
}

// selected are the templates of the pods that a selector means.
func (o *objects) selected(selector *metav1.LabelSelector) (pods []corev1.PodTemplateSpec) {
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || s.Empty() {
		return nil
	}
	for _, d := range o.Deployments {
		if s.Matches(labels.Set(d.Spec.Template.Labels)) {
			pods = append(pods, d.Spec.Template)
		}
	}
	return pods
}

// portOf is the number of a pod's port that is meant, 0 where there is none.
func portOf(spec *corev1.PodSpec, port intstr.IntOrString) int32 {
	for _, c := range containers(spec) {
		for _, p := range c.Ports {
			if port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
				return p.ContainerPort
			}
		}
	}
	return 0
}
