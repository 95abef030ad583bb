// Package v2 has the names of Grafana's second schema that the linter of dashboards compiles with. Ours has the first.
package v2

// The names that the linter uses, as it uses them.
type (
	DashboardSpec struct {
		Title       string
		Editable    *bool
		Elements    map[string]DashboardElement
		Variables   []DashboardVariableKind
		Annotations []DashboardAnnotationQueryKind
	}
	DashboardElement   struct{ PanelKind *DashboardPanelKind }
	DashboardPanelKind struct{ Spec DashboardPanelSpec }
	DashboardPanelSpec struct {
		Id                 float64 //nolint:revive // the linter's name
		Title, Description string
		VizConfig          struct {
			Group string
			Spec  struct{ FieldConfig, Options any }
		}
		Data struct {
			Spec struct{ Queries []DashboardPanelQueryKind }
		}
	}
	DashboardPanelQueryKind struct {
		Spec struct {
			RefId  string //nolint:revive // the linter's name
			Hidden bool
			Query  DashboardDataQueryKind
		}
	}
	DashboardDataQueryKind struct {
		Group      string
		Datasource *struct{ Name *string }
		Spec       map[string]any
	}
	DashboardVariableSpec struct {
		Name, PluginId string //nolint:revive // the linter's name
		Label          *string
		Multi          bool
		AllValue       *string
		Refresh        DashboardVariableRefresh
	}
	DashboardVariableRefresh string
	DashboardVariableKind    struct {
		QueryVariableKind *struct {
			Spec struct {
				DashboardVariableSpec
				Query DashboardDataQueryKind
			}
		}
		DatasourceVariableKind *struct{ Spec DashboardVariableSpec }

		CustomVariableKind, IntervalVariableKind, ConstantVariableKind, TextVariableKind *struct {
			Spec struct {
				DashboardVariableSpec
				Query string
			}
		}
		AdhocVariableKind, GroupByVariableKind, SwitchVariableKind *struct{ Spec DashboardVariableSpec }
	}
	DashboardAnnotationQueryKind struct {
		Spec struct {
			Name  string
			Query DashboardDataQueryKind
		}
	}
)

// When a variable is asked for again.
const (
	DashboardVariableRefreshOnTimeRangeChanged DashboardVariableRefresh = "onTimeRangeChanged"
	DashboardVariableRefreshOnDashboardLoad    DashboardVariableRefresh = "onDashboardLoad"
)
