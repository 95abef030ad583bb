package charts_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsv1 "k8s.io/kubernetes/pkg/apis/apps/v1"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	autoscalingv2 "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1conversion "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkingv1 "k8s.io/kubernetes/pkg/apis/networking/v1"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyv1 "k8s.io/kubernetes/pkg/apis/policy/v1"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	podsecurity "k8s.io/pod-security-admission/api"
	podpolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// server reads and judges objects as the API server does, which is asked to be strict.
type server struct {
	decoder  runtime.Decoder
	security podpolicy.Evaluator
}

func newServer(tb testing.TB) server {
	tb.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, corev1conversion.AddToScheme, apps.AddToScheme, appsv1.AddToScheme, networking.AddToScheme, networkingv1.AddToScheme,
		policy.AddToScheme, policyv1.AddToScheme, autoscaling.AddToScheme, autoscalingv2.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			tb.Fatal(err)
		}
	}
	security, err := podpolicy.NewEvaluator(podpolicy.DefaultChecks(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return server{serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(), security}
}

// faults says what the API server would refuse in the documents of a stream, and what in them leads nowhere.
func (s server) faults(tb testing.TB, stream string) []string {
	tb.Helper()
	var faults []string
	for _, document := range documents(stream) {
		for _, err := range s.faultsOf(document) {
			faults = append(faults, err.Error())
		}
	}
	if len(faults) > 0 {
		return faults // what cannot be read cannot be followed
	}
	return deadEnds(read(tb, stream), s.security)
}

func (s server) faultsOf(document []byte) []error {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return []error{err}
	}
	if kind.Kind == "PodMonitor" { // a custom resource: its operator's own types; ../manifests has its schema
		if err := yaml.UnmarshalStrict(document, new(monitoringv1.PodMonitor)); err != nil {
			return []error{err}
		}
		return nil
	}
	decoded, _, err := s.decoder.Decode(document, nil, nil)
	if err != nil {
		return []error{err}
	}
	list := validate(decoded)
	errs := make([]error, len(list))
	for i, err := range list {
		errs[i] = err
	}
	return errs
}

// validate is what the API server does with a new object after it has filled in the defaults.
func validate(object runtime.Object) field.ErrorList {
	if named, ok := object.(metav1.Object); ok {
		named.SetNamespace("web")
	}
	switch o := object.(type) {
	case *apps.Deployment:
		return appsvalidation.ValidateDeployment(o, corevalidation.PodValidationOptions{})
	case *core.Service:
		return corevalidation.ValidateServiceCreate(o)
	case *core.Secret:
		return corevalidation.ValidateSecret(o)
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(o)
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(o, networkingvalidation.NetworkPolicyValidationOptions{})
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(o, policyvalidation.PodDisruptionBudgetValidationOptions{})
	case *autoscaling.HorizontalPodAutoscaler:
		return autoscalingvalidation.ValidateHorizontalPodAutoscaler(o, autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1})
	default:
		return field.ErrorList{field.InternalError(nil, fmt.Errorf("nobody judges a %T", object))}
	}
}

// restricted says what the Pod Security Standard "restricted" forbids in a pod.
func restricted(security podpolicy.Evaluator, meta *metav1.ObjectMeta, spec *corev1.PodSpec) error {
	result := podpolicy.AggregateCheckResults(security.EvaluatePod(podsecurity.LevelVersion{Level: podsecurity.LevelRestricted, Version: podsecurity.LatestVersion()}, meta, spec))
	if result.Allowed {
		return nil
	}
	return errors.New(result.ForbiddenDetail())
}

// containers are all of a pod's, those that are sidecars first.
func containers(spec *corev1.PodSpec) []corev1.Container {
	return slices.Concat(spec.InitContainers, spec.Containers)
}
