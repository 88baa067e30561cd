#include "api.h"

void
api_databases(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_metrics(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_aggregates(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}
