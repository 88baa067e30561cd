#include "api.h"

void
api_own_metrics(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}
