#include "api.h"

void
api_query(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_query_range(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}
