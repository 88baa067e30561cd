#include "api.h"

void
api_labels(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_label_values(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_series(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_metadata(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}

void
api_buildinfo(struct api *a, struct exchange *x)
{
	(void)a;
	api_error(x, 501, "unavailable", "not implemented");
}
