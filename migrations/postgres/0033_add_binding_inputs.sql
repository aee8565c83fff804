CREATE TABLE "binding_inputs" (
	"application_id" text NOT NULL,
	"step" text NOT NULL,
	"payload_sealed" text NOT NULL,
	CONSTRAINT "binding_inputs_pk" PRIMARY KEY("application_id","step")
);
--> statement-breakpoint
ALTER TABLE "binding_inputs" ADD CONSTRAINT "binding_inputs_application_id_binding_applications_id_fk" FOREIGN KEY ("application_id") REFERENCES "public"."binding_applications"("id") ON DELETE cascade ON UPDATE no action;