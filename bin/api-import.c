#include "api.h"

void
api_import(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_import_prometheus(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}
